{{ config(
    materialized='by_load',
    indexes=[{'columns': ['load_id']}],
    meta={'built_from': 'slices', 'taken_by_every_shape': true, 'keeps': 'current loads'},
) }}

-- depends_on: {{ ref('int_loads__slices') }}

{%- set kinds = rows_that_compete() %}
{%- set duplicates = reasons_of_duplicates() %}

with

loads as (

    select * from {{ source('audit', 'loads') }}
    where load_id = any({{ loads_to_build() }})

),

reach as (

    select
        (min(slices.session_date) - 1)::timestamptz as from_time,
        (max(slices.session_date) + 2)::timestamptz as to_time
    from {{ ref('int_loads__slices') }} as slices
    where slices.load_id = any({{ loads_to_build() }})

),

-- A row of a list of instruments is no bar that could win or lose: it counts if it can be read.
instruments as not materialized (

    select * from {{ ref('int_instruments__delivered') }}
    where load_id = any({{ loads_to_build() }})

),

wins as (

    select
        load_id,
        count(*) as rows
    from (
        {% for kind in kinds.values() -%}
            {%- set time = kind['time'] -%}
            {%- for winners in kind['winners'] -%}
                select load_id
                from {{ ref(winners['in']) }}
                where
                    {{ time }} >= (select from_time from reach) and {{ time }} < (select to_time from reach)
                    and is_preferred
                union all
            {% endfor -%}
        {%- endfor -%}
        select load_id from instruments
        where quarantine_reason is null
    ) as won
    where load_id = any({{ loads_to_build() }})
    group by load_id

),

-- Only a load with fewer winners than rows has rows to explain: a clean file costs nothing here.
incomplete_loads as (

    select
        loads.load_id,
        loads.raw_table,
        loads.source
    from loads
    left join wins on loads.load_id = wins.load_id
    where loads.rows > coalesce(wins.rows, 0)

),
{% for name, kind in kinds.items() %}
    {%- set time = kind['time'] %}
    {{ name }}_winners as not materialized (

        {% for winners in kind['winners'] -%}
            select
                load_id,
                line,
                {{ winners['contract_id'] }} as contract_id,
                {{ winners['bar_of'] }} as bar_of,
                {{ time }} as bar_start,
                array[{{ winners['values'] | join(', ') }}]::numeric[] as stated
            from {{ ref(winners['in']) }}
            where
                {{ time }} >= (select from_time from reach) and {{ time }} < (select to_time from reach)
                and is_preferred
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    {{ name }}_rows as (

        select
            load_id,
            line,
            vendor_symbol,
            {{ kind['contract_id'] }} as contract_id,
            {{ kind['bar_of'] }} as bar_of,
            instrument_type,
            {{ kind['underlying'] }} as underlying,
            session_date,
            {{ time }} as bar_start,
            exchange,
            {{ kind.get('bar_interval', 'null::interval') }} as bar_interval,
            {{ kind.get('adjusted_for', 'null::text') }} as adjusted_for,
            quarantine_reason,
            array[{{ kind['values'] | join(', ') }}]::numeric[] as stated
        from {{ ref(kind['rows']) }}
        where load_id = any(array(
            select incomplete_loads.load_id from incomplete_loads
            where incomplete_loads.raw_table in ({{ raw_tables_of([name]) }})
        ))

    ),
{% endfor %}
judged as (

    {% for name in kinds -%}
        select
            own.load_id,
            own.line,
            own.vendor_symbol,
            own.contract_id,
            own.instrument_type,
            own.underlying,
            own.session_date,
            own.bar_start,
            '{{ name }}' as shape,
            own.exchange,
            own.bar_interval,
            own.adjusted_for,
            own.quarantine_reason,
            winners.load_id as winner_load_id,
            winners.line as winner_line,
            own.stated = winners.stated as same_values,
            {{ name in ['trades', 'quotes'] }} as is_print
        from {{ name }}_rows as own
        left join {{ name }}_winners as winners
            on own.quarantine_reason is null
            and own.bar_start = winners.bar_start
            and coalesce(own.contract_id, -1) = coalesce(winners.contract_id, -1)
            and coalesce(own.bar_of, '') = coalesce(winners.bar_of, '')
        {%- if name in ['trades', 'quotes'] %}
        -- a print of a file that has grown may count beside an equal one
            where not exists (
                select 1 from {{ name }}_winners as itself
                where itself.load_id = own.load_id and itself.line = own.line and itself.bar_start = own.bar_start
            )
        {%- endif %}
        union all
    {% endfor %}
    select
        load_id,
        line,
        vendor_symbol,
        null::bigint as contract_id,
        instrument_type,
        underlying,
        session_date,
        null::timestamptz as bar_start,
        'instruments' as shape,
        null as exchange,
        null::interval as bar_interval,
        null as adjusted_for,
        quarantine_reason,
        null as winner_load_id,
        null as winner_line,
        null as same_values,
        false as is_print
    from instruments
    where quarantine_reason is not null

),

losers as (

    select
        judged.*,
        own_load.source,
        winner_load.source as winner_source
    from judged
    inner join incomplete_loads as own_load on judged.load_id = own_load.load_id
    left join {{ source('audit', 'loads') }} as winner_load on judged.winner_load_id = winner_load.load_id
    where
        judged.quarantine_reason is not null
        or (judged.winner_load_id, judged.winner_line) is distinct from (judged.load_id, judged.line)

),

set_aside as (

    select
        load_id,
        line,
        case when quarantine_reason is not null then 'quarantined' else 'superseded' end as outcome,
        case
            when quarantine_reason is not null then quarantine_reason
            when is_print and winner_load_id is null then 'another source of better rank has the prints of this session'
            when same_values and winner_load_id = load_id then '{{ duplicates["same file"] }}'
            when same_values then '{{ duplicates["another file"] }}'
            when winner_source <> source then 'conflict: a source of better rank has other values'
            when winner_load_id < load_id then 'conflict: a file of better rank has other values'
            when winner_load_id = load_id then 'conflict: a later line of the same file has other values'
            else 'conflict: a newer load has other values'
        end as reason,
        vendor_symbol,
        instrument_type,
        underlying,
        contract_id,
        session_date,
        bar_start,
        winner_load_id,
        winner_line,
        shape,
        exchange,
        bar_interval,
        adjusted_for
    from losers

)

select * from set_aside
