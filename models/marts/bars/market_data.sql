with

other_bars as (

    select * from {{ ref('int_bars__deduped') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

option_minutes as (

    select * from {{ ref('int_options__quotes_deduped') }}

),

future_minutes as (

    select * from {{ ref('int_futures__quotes_deduped') }}

),

index_minutes as (

    select * from {{ ref('int_spot__prices_deduped') }}

),

contract_days as (

    select * from {{ ref('int_fo_bhavcopy__deduped') }}
    where close is not null

),

index_days as (

    select * from {{ ref('int_spot__closes_deduped') }}

),

-- A share beside its other series, which are bonds, rights and blocks of the same symbol.
share_days as (

    select
        *,
        case
            when series in ('EQ', 'BE', 'BZ', 'SM', 'ST', 'SZ') then symbol
            else symbol || '-' || series
        end as share_name
    from {{ ref('int_equities__official_deduped') }}
    where is_traded

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

-- Beside the exchange's own day another source's day is not preferred.
bars_of_others as (

    select
        other_bars.underlying as symbol,
        other_bars.underlying,
        null::bigint as contract_id,
        other_bars.exchange,
        other_bars.instrument_type,
        other_bars.bar_interval,
        other_bars.adjusted_for,
        other_bars.bar_start,
        other_bars.bar_end,
        other_bars.session_date,
        other_bars.open,
        other_bars.high,
        other_bars.low,
        other_bars.close,
        other_bars.volume,
        other_bars.open_interest,
        other_bars.source,
        other_bars.is_preferred and case
            when other_bars.bar_interval <> interval '1 day' or other_bars.adjusted_for <> 'none' then true
            when other_bars.instrument_type = 'equity'
                then not exists (
                    select 1 from share_days
                    where
                        share_days.exchange = other_bars.exchange
                        and share_days.symbol = other_bars.underlying
                        and share_days.share_name = share_days.symbol
                        and share_days.session_date = other_bars.session_date
                )
            when other_bars.instrument_type = 'index'
                then not exists (
                    select 1 from index_days
                    where
                        index_days.exchange = other_bars.exchange
                        and index_days.underlying = other_bars.underlying
                        and index_days.session_date = other_bars.session_date
                )
            else true
        end as is_preferred,
        other_bars.load_id,
        other_bars.line
    from other_bars
    where other_bars.instrument_type not in ('option', 'future')

),

bars_of_contracts as (

    select
        contracts.symbol,
        contracts.underlying,
        contracts.contract_id,
        contracts.exchange,
        contracts.instrument_type,
        other_bars.bar_interval,
        other_bars.adjusted_for,
        other_bars.bar_start,
        other_bars.bar_end,
        other_bars.session_date,
        other_bars.open,
        other_bars.high,
        other_bars.low,
        other_bars.close,
        other_bars.volume,
        other_bars.open_interest,
        other_bars.source,
        other_bars.is_preferred and (
            other_bars.bar_interval <> interval '1 day'
            or other_bars.adjusted_for <> 'none'
            or not exists (
                select 1 from contract_days
                where
                    contract_days.contract_id = other_bars.instrument_id
                    and contract_days.session_date = other_bars.session_date
            )
        ) as is_preferred,
        other_bars.load_id,
        other_bars.line
    from other_bars
    inner join contracts on other_bars.instrument_id = contracts.contract_id
    where other_bars.instrument_type in ('option', 'future')

),
{% for bars, interval in [('option_minutes', '1 minute'), ('future_minutes', '1 minute'), ('contract_days', '1 day')] %}
    {{ bars }}_named as (

        select
            contracts.symbol,
            contracts.underlying,
            contracts.contract_id,
            contracts.exchange,
            contracts.instrument_type,
            interval '{{ interval }}' as bar_interval,
            'none' as adjusted_for,
            {{ bars }}.bar_start,
            {{ bars }}.bar_end,
            {{ bars }}.session_date,
            {{ bars }}.open,
            {{ bars }}.high,
            {{ bars }}.low,
            {{ bars }}.close,
            {{ bars }}.volume,
            {{ bars }}.open_interest,
            {{ bars }}.source,
            {{ bars }}.is_preferred,
            {{ bars }}.load_id,
            {{ bars }}.line
        from {{ bars }}
        inner join contracts on {{ bars }}.contract_id = contracts.contract_id

    ),
{% endfor %}
indices_and_shares as (

    {% for bars, type, interval, symbol in [
        ('index_minutes', 'index', '1 minute', 'underlying'),
        ('index_days', 'index', '1 day', 'underlying'),
        ('share_days', 'equity', '1 day', 'share_name'),
    ] -%}
        select
            {{ bars }}.{{ symbol }} as symbol,
            {{ bars }}.{{ symbol }} as underlying,
            null::bigint as contract_id,
            {{ bars }}.exchange,
            '{{ type }}' as instrument_type,
            interval '{{ interval }}' as bar_interval,
            'none' as adjusted_for,
            {{ bars }}.bar_start,
            {{ bars }}.bar_end,
            {{ bars }}.session_date,
            {{ bars }}.open,
            {{ bars }}.high,
            {{ bars }}.low,
            {{ bars }}.close,
            {{ bars ~ '.volume' if type == 'equity' else 'null::numeric' }} as volume,
            null::numeric as open_interest,
            {{ bars }}.source,
            {{ bars }}.is_preferred,
            {{ bars }}.load_id,
            {{ bars }}.line
        from {{ bars }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

named as (

    select * from bars_of_others
    union all
    select * from bars_of_contracts
    {% for bars in ['option_minutes', 'future_minutes', 'contract_days'] -%}
        union all
        select * from {{ bars }}_named
    {% endfor -%}
    union all
    select * from indices_and_shares

),

market_data as (

    select
        -- ids
        named.symbol,
        named.underlying,
        named.contract_id,
        named.exchange,
        named.instrument_type,

        -- times
        named.bar_interval,
        named.bar_start,
        named.bar_end,
        named.session_date,

        -- which of several rows
        named.source,
        named.is_preferred,
        named.adjusted_for,

        -- prices and quantities
        named.open,
        named.high,
        named.low,
        named.close,
        named.volume,
        named.open_interest,

        -- provenance
        named.load_id,
        {{ line_of_file('named') }} as line

    from named
    left join loads on named.load_id = loads.load_id

)

select * from market_data
