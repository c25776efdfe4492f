{#- The tables of minutes, whose rows say neither their type nor their length. -#}
{%- set minutes = {
    'option_minutes': {'in': 'int_options__quotes_deduped', 'type': 'option', 'is_quoted': true},
    'future_minutes': {'in': 'int_futures__quotes_deduped', 'type': 'future'},
    'index_minutes': {'in': 'int_spot__prices_deduped', 'type': 'index'},
} -%}

with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

{% for name, bars in minutes.items() %}
    {%- set of = name if bars['type'] == 'index' else 'contracts' %}
    {{ name }} as (

        select * from {{ ref(bars['in']) }}

    ),

    {{ name }}_rows as (

        select
            {{ name }}.session_date,
            {{ of }}.exchange,
            {{ of }}.underlying,
            {{ of ~ '.contract_id' if of == 'contracts' else '0' }} as instrument_id,
            {{ name }}.source,
            {{ name }}.bar_start as row_start,
            {{ name }}.bar_end as row_end,
            {{ name }}.is_regular,
            {{ name }}.is_preferred,
            {{ name }}.close::double precision as price,
            coalesce({{ name }}.high = {{ name }}.low, true) as is_flat,
            {{ name ~ '.volume' if of == 'contracts' else 'null::numeric' }} as volume,
            {{ name ~ '.bid' if bars['is_quoted'] else 'null::numeric' }} as bid,
            {{ name ~ '.ask' if bars['is_quoted'] else 'null::numeric' }} as ask
        from {{ name }}
        {% if of == 'contracts' -%}
            inner join contracts on {{ name }}.contract_id = contracts.contract_id
        {%- endif %}

    ),

    {{ measured_rows(
        name,
        ['session_date', 'instrument_id', 'exchange', 'underlying', 'source'],
        gaps=(bars['type'] != 'option'),
        interval="interval '1 minute'"
    ) | indent(4) }},

{% endfor %}
other_bars_rows as (

    select
        session_date,
        instrument_id,
        exchange,
        instrument_type,
        underlying,
        bar_interval,
        adjusted_for,
        source,
        bar_start as row_start,
        bar_end as row_end,
        is_regular,
        is_preferred,
        close::double precision as price,
        coalesce(high = low, true) as is_flat,
        volume,
        bid,
        ask
    from {{ ref('int_bars__deduped') }}

),

{{ measured_rows(
    'other_bars',
    [
        'session_date', 'instrument_id', 'exchange', 'instrument_type', 'underlying', 'bar_interval', 'adjusted_for',
        'source',
    ],
    interval='bar_interval'
) }},

{% set measures = [
    'session_date', 'source', 'rows', 'rows_not_preferred', 'outside_hours', 'without_volume', 'first_start', 'last_end',
    'longest_gap', 'missing', 'outliers', 'stale', 'quoted', 'crossed', 'median_spread', 'widest_spread',
] -%}
by_instrument as (

    {% for name, bars in minutes.items() -%}
        select
            exchange,
            '{{ bars["type"] }}' as instrument_type,
            underlying,
            interval '1 minute' as bar_interval,
            'none' as adjusted_for,
            {{ measures | join(',\n            ') }}
        from {{ name }}_by_instrument
        union all
    {% endfor -%}
    select
        exchange,
        instrument_type,
        underlying,
        bar_interval,
        adjusted_for,
        {{ measures | join(',\n        ') }}
    from other_bars_by_instrument

),

-- Only an option may go without a trade for long as a rule; a bar of a day has its session for itself.
in_sessions as (

    select
        by_instrument.*,
        sessions.opens_at,
        sessions.closes_at,
        by_instrument.bar_interval < interval '1 day' as is_intraday,
        by_instrument.bar_interval < interval '1 day'
        and by_instrument.instrument_type not in ('option', 'unknown') as is_continuous,
        extract(epoch from by_instrument.bar_interval) as seconds,
        greatest(extract(epoch from by_instrument.first_start - sessions.opens_at), 0) as seconds_before,
        greatest(extract(epoch from sessions.closes_at - by_instrument.last_end), 0) as seconds_after
    from by_instrument
    left join exchanges on by_instrument.exchange = exchanges.exchange
    left join sessions
        on by_instrument.exchange = sessions.exchange
        and by_instrument.session_date = sessions.session_date
        and {{ segment_of('by_instrument.instrument_type') }} = sessions.segment

),

with_gaps as (

    select
        exchange,
        instrument_type,
        underlying,
        bar_interval,
        adjusted_for,
        session_date,
        source,
        rows,
        rows_not_preferred,
        case when is_intraday and opens_at is not null then outside_hours end as outside_hours,
        case when instrument_type <> 'index' then without_volume end as without_volume,
        case
            when is_continuous and first_start is not null
                then
                    coalesce(missing, 0)
                    + floor(coalesce(seconds_before, 0) / seconds)
                    + floor(coalesce(seconds_after, 0) / seconds)
        end as missing,
        rows - outside_hours as rows_in_hours,
        case
            when is_continuous then greatest(longest_gap, seconds_before, seconds_after)
        end as longest_gap,
        outliers,
        case when is_intraday then stale end as stale,
        quoted,
        case when quoted > 0 then crossed end as crossed,
        median_spread,
        widest_spread
    from in_sessions

),

instruments as (

    select
        with_gaps.*,
        rows_in_hours + missing as expected
    from with_gaps

)

{{ measured_groups([
    'exchange', 'instrument_type', 'underlying', 'bar_interval', 'adjusted_for', 'session_date', 'source',
]) }}
