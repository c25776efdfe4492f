{#
  The prints of the planned slices that count: each print once per source (see dedupe), numbered among those of its moment.

  What a file has grown by begins with prints of the moment at which it had ended: of equal ones there the later load has the next.

  Prints of two sources are no two versions of one print: nobody can pair them. So one source is preferred for an instrument and session as a
  whole, the one of best rank that has any.

  shape:   'trades' or 'quotes'.
  columns: what a print of this shape says.
#}
{% macro dedupe_prints(shape, columns) %}
with

-- read twice where a file has grown, and once elsewhere
identified as not materialized (

    select * from {{ ref('int_' ~ shape ~ '__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

),

files as (

    select
        load_id,
        coalesce(continues_load_id, load_id) as whole_load_id
    from {{ source('audit', 'loads') }}
    where load_id = any({{ loads_to_build() }})

),

grown_files as (

    select
        earlier.load_id,
        later.load_id as later_load_id
    from files as earlier
    inner join files as later on earlier.whole_load_id = later.whole_load_id and earlier.load_id < later.load_id

),

printed_before as (

    select
        grown_files.later_load_id as load_id,
        identified.instrument_id,
        identified.timestamp,
        identified.statement,
        count(*) as prints
    from identified
    inner join grown_files on identified.load_id = grown_files.load_id
    where identified.place is not null
    group by grown_files.later_load_id, identified.instrument_id, identified.timestamp, identified.statement

),

delivered as (

    select
        identified.load_id,
        identified.line,
        identified.instrument_id,
        identified.instrument_type,
        identified.exchange,
        identified.underlying,
        identified.session_date,
        identified.timestamp,
        identified.is_regular,
        {% for column in columns -%}
            identified.{{ column }},
        {% endfor -%}
        case
            when printed_before.prints is null or identified.place is null then identified.print_key
            else identified.statement || '|' || identified.place + printed_before.prints
        end as print_key
    from identified
    left join printed_before
        on identified.load_id = printed_before.load_id
        and identified.instrument_id = printed_before.instrument_id
        and identified.timestamp = printed_before.timestamp
        and identified.statement = printed_before.statement

),

{{ dedupe(shape, ['instrument_id', 'timestamp', 'print_key'], group='underlying') }},

numbered as (

    select
        winners.*,
        row_number() over (
            partition by winners.instrument_id, winners.timestamp, winners.source order by winners.load_id, winners.line
        ) as sequence,
        first_value(winners.source) over (
            partition by winners.instrument_id, winners.session_date order by winners.source_rank, winners.source
        ) as preferred_source
    from winners

)

select
    instrument_id,
    instrument_type,
    exchange,
    underlying,
    session_date,
    timestamp,
    sequence,
    {% for column in columns -%}
        {{ column }},
    {% endfor -%}
    print_key,
    source,
    is_regular,
    source = preferred_source as is_preferred,
    load_id,
    line
from numbered
{% endmacro %}
