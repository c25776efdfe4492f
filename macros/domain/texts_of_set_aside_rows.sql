{#
  The rows that were quarantined, or superseded, as they were landed: their cells joined by commas, in the order of the raw table, empty
  cells at the end left out: load_id, line, row_text. Reads only the loads that have such rows.

  outcome: 'quarantined' or 'superseded'.
#}
{% macro texts_of_set_aside_rows(outcome) %}
{%- if outcome not in ('quarantined', 'superseded') -%}
  {{ exceptions.raise_compiler_error("texts_of_set_aside_rows: outcome is quarantined or superseded, not " ~ outcome) }}
{%- endif -%}
with

set_aside as (

    select * from {{ ref('int_quotes__set_aside') }}
    where outcome = '{{ outcome }}'

)

{% for raw_table in raw_tables() %}
select
    landed._load_id as load_id,
    landed._line as line,
    written.row_text
from {{ raw_table }} as landed
inner join set_aside on landed._load_id = set_aside.load_id and landed._line = set_aside.line
cross join lateral (
    select rtrim(string_agg(coalesce(cells.content, ''), ',' order by cells.place), ',') as row_text
    from json_each_text(row_to_json(landed)) with ordinality as cells (name, content, place)
    where cells.name not in ('_load_id', '_line')
) as written
where landed._load_id = any(array(select set_aside.load_id from set_aside))
{{ 'union all' if not loop.last }}
{% endfor %}
{% endmacro %}
