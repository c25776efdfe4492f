{#
  A vendor's number text as numeric, NULL where it is empty or no number below 10^18 (`NaN`, `Infinity` and `1e400` are valid
  numeric input to PostgreSQL, but no price; numeric(30, 12) holds no infinity and nothing larger).

  column: the text column.
#}
{% macro vendor_number(column) -%}
case when pg_input_is_valid({{ column }}, 'numeric(30, 12)') then nullif({{ column }}::numeric, 'NaN') end
{%- endmacro %}
