{%- set of_contract = "minutes.contract_id = other_bars.instrument_id" -%}
{%- set of_index = "minutes.exchange = other_bars.exchange and minutes.underlying = other_bars.underlying" -%}

with

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

-- Bars that are counted from the hour of their session as the wanted ones are: half hours of the clock lie across
-- those of a session that opens at a quarter past.
other_bars as (

    select * from {{ ref('int_bars__deduped') }}
    where
        is_preferred
        and is_regular
        and is_finest
        and adjusted_for = 'none'
        and bar_interval <= interval '1 hour'
        and mod(extract(epoch from bar_start - hour_start), extract(epoch from bar_interval)) = 0

),
{% for name in ['options', 'futures'] %}
    {{ name }} as (

        select
            contracts.symbol,
            contracts.underlying,
            fives.contract_id,
            contracts.exchange,
            contracts.instrument_type,
            fives.session_date,
            fives.hour_start,
            fives.bar_start,
            fives.open,
            fives.high,
            fives.low,
            fives.close,
            fives.volume,
            fives.open_interest,
            fives.bars,
            interval '5 minutes' as bar_interval
        from {{ ref('int_' ~ name ~ '__bars_five_minutes') }} as fives
        inner join contracts on fives.contract_id = contracts.contract_id

    ),
{% endfor %}
indices as (

    select
        underlying as symbol,
        underlying,
        null::bigint as contract_id,
        exchange,
        'index' as instrument_type,
        session_date,
        hour_start,
        bar_start,
        open,
        high,
        low,
        close,
        null::numeric as volume,
        null::numeric as open_interest,
        bars,
        interval '5 minutes' as bar_interval
    from {{ ref('int_spot__prices_five_minutes') }}

),

-- Beside minutes of the same session bars of another length are not needed.
others as (

    select
        coalesce(contracts.symbol, other_bars.underlying) as symbol,
        other_bars.underlying,
        contracts.contract_id,
        other_bars.exchange,
        other_bars.instrument_type,
        other_bars.session_date,
        other_bars.hour_start,
        other_bars.bar_start,
        other_bars.open,
        other_bars.high,
        other_bars.low,
        other_bars.close,
        other_bars.volume,
        other_bars.open_interest,
        1::bigint as bars,
        other_bars.bar_interval
    from other_bars
    left join contracts on other_bars.instrument_id = contracts.contract_id
    where
        (contracts.contract_id is not null or other_bars.instrument_type not in ('option', 'future'))
        {% for type, minutes, same in [
            ('option', 'int_options__bars_daily', of_contract),
            ('future', 'int_futures__bars_daily', of_contract),
            ('index', 'int_spot__prices_daily', of_index),
        ] -%}
            and (
                other_bars.instrument_type <> '{{ type }}' or not exists (
                    select 1 from {{ ref(minutes) }} as minutes
                    where {{ same }} and minutes.session_date = other_bars.session_date
                )
            )
        {% endfor %}

),

finer as (

    select * from options
    union all
    select * from futures
    union all
    select * from indices
    union all
    select * from others

),

rolled_up as (

    {% for minutes in roll_up_minutes() -%}
        select
            symbol,
            underlying,
            contract_id,
            exchange,
            instrument_type,
            interval '{{ minutes }} minutes' as bar_interval,
            session_date,
            date_bin(interval '{{ minutes }} minutes', bar_start, hour_start) as bar_start,
            first(open, bar_start) as open,
            max(high) as high,
            min(low) as low,
            last(close, bar_start) as close,
            sum(volume) as volume,
            last(open_interest, bar_start) as open_interest,
            sum(bars)::bigint as bars
        from finer
        where
            bar_interval <= interval '{{ minutes }} minutes'
            and mod({{ minutes * 60 }}, extract(epoch from bar_interval)) = 0
        group by
            symbol,
            underlying,
            contract_id,
            exchange,
            instrument_type,
            session_date,
            date_bin(interval '{{ minutes }} minutes', bar_start, hour_start)
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

market_data_rolled_up as (

    select
        -- ids
        rolled_up.symbol,
        rolled_up.underlying,
        rolled_up.contract_id,
        rolled_up.exchange,
        rolled_up.instrument_type,

        -- times
        rolled_up.bar_interval,
        rolled_up.bar_start,
        least(rolled_up.bar_start + rolled_up.bar_interval, sessions.closes_at) as bar_end,
        rolled_up.session_date,

        -- prices and quantities
        rolled_up.open,
        rolled_up.high,
        rolled_up.low,
        rolled_up.close,
        rolled_up.volume,
        rolled_up.open_interest,
        rolled_up.bars

    from rolled_up
    left join exchanges on rolled_up.exchange = exchanges.exchange
    left join sessions
        on rolled_up.exchange = sessions.exchange
        and rolled_up.session_date = sessions.session_date
        and {{ segment_of('rolled_up.instrument_type') }} = sessions.segment

)

select * from market_data_rolled_up
