{{ config(meta={'computed_from_sessions': true}) }}

{%- set key = [
    'source', 'exchange', 'instrument_type', 'underlying', 'shape', 'bar_interval', 'adjusted_for', 'session_date',
] -%}
{%- set measures = [
    'instruments', 'rows', 'rows_not_preferred', 'outside_hours', 'without_volume', 'expected', 'missing', 'longest_gap',
    'outliers', 'stale', 'quoted', 'crossed', 'median_spread', 'widest_spread',
] -%}

with

set_aside as (

    select * from {{ ref('int_quotes__set_aside') }}
    where shape in ('bars', 'trades', 'quotes')

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

measured as (

    {% for shape in ['bars', 'trades', 'quotes'] -%}
        select
            source,
            exchange,
            instrument_type,
            underlying,
            '{{ shape }}' as shape,
            {{ 'bar_interval' if shape == 'bars' else 'null::interval as bar_interval' }},
            {{ 'adjusted_for' if shape == 'bars' else 'null as adjusted_for' }},
            session_date,
            {{ measures | join(',\n            ') }}
        from {{ ref('int_' ~ shape ~ '__measured') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

set_aside_by_group as (

    select
        loads.source,
        set_aside.{{ key[1:] | join(',\n        set_aside.') }},
        count(*) filter (where set_aside.outcome = 'superseded') as superseded,
        count(*) filter (where set_aside.outcome = 'quarantined') as quarantined
    from set_aside
    inner join loads on set_aside.load_id = loads.load_id
    group by loads.source, set_aside.{{ key[1:] | join(', set_aside.') }}

),

-- A row whose quarantined parts are not known has NULL in the key, which no join would find.
beside as (

    select
        {{ key | join(',\n        ') }},
        {{ measures | join(',\n        ') }},
        0 as superseded,
        0 as quarantined
    from measured
    union all
    select
        {{ key | join(',\n        ') }},
        {% for measure in measures -%}
            null as {{ measure }},
        {% endfor -%}
        superseded,
        quarantined
    from set_aside_by_group

),

data_quality as (

    select
        -- ids
        {{ key | join(',\n        ') }},

        -- what there is
        coalesce(max(instruments), 0) as instruments,
        coalesce(max(rows), 0) as rows,
        max(outside_hours) as outside_hours,

        -- gaps
        max(expected) as expected,
        max(missing) as missing,
        max(longest_gap) as longest_gap,

        -- rows in no mart: what is superseded and stands beside another source's row lost to that alone
        greatest(max(superseded) - coalesce(max(rows_not_preferred), 0), 0) as duplicates,
        max(quarantined) as quarantined,

        -- prices and quantities
        max(outliers) as outliers,
        max(stale) as stale,
        max(without_volume) as without_volume,

        -- spreads
        max(quoted) as quoted,
        max(crossed) as crossed,
        max(median_spread) as median_spread,
        max(widest_spread) as widest_spread

    from beside
    group by {{ key | join(', ') }}

)

select * from data_quality
