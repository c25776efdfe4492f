{#
  The prints of the planned slices that count: each print once per source (see dedupe), numbered among those of its moment.

  Prints of two sources are no two versions of one print: nobody can pair them. So one source is preferred for an instrument and session as a
  whole, the one of best rank that has any.

  shape:   'trades' or 'quotes'.
  columns: what a print of this shape says.
#}
{% macro dedupe_prints(shape, columns) %}
with

delivered as (

    select * from {{ ref('int_' ~ shape ~ '__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

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
