{#
  A vendor's number text as numeric, NULL where it is empty or no finite number (`NaN` and `Infinity` are valid numeric
  input to PostgreSQL, but no price).

  column: the text column.
#}
{% macro vendor_number(column) -%}
case when pg_input_is_valid({{ column }}, 'numeric') then nullif(nullif(nullif({{ column }}::numeric, 'NaN'), 'Infinity'), '-Infinity') end
{%- endmacro %}
