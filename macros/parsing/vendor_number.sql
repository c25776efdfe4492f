{#
  A vendor's number text as numeric, NULL where it is empty or no number below 10^18 (`NaN`, `Infinity` and `1e400` are valid
  numeric input to PostgreSQL, but no price; numeric(30, 12) holds no infinity and nothing larger). What is written with more than
  40 characters, or has an exponent below -99, is no number of a market either: a cell of 20,000 digits, or `1e-20000`, passes the
  check of its type and stops the cast. Thousands that a spreadsheet has grouped (`25,800` or `1,25,800`) are one number.

  column: the text column.
#}
{% macro vendor_number(column) -%}
case
  when octet_length({{ column }}) > 40 then null
  when pg_input_is_valid({{ column }}, 'numeric(30, 12)')
    -- a minus after the first character is that of an exponent
    then case when strpos({{ column }}, '-') < 2 or {{ column }} !~* 'e-\d{3}' then nullif({{ column }}::numeric, 'NaN') end
  when {{ column }} ~ '{{ grouped_thousands() }}' then replace({{ column }}, ',', '')::numeric
end
{%- endmacro %}


{# What a spreadsheet makes of a number below 10^18: groups of three figures, or of two before the last three. #}
{% macro grouped_thousands() -%}
^\s*[-+]?\d{1,3}(?:,\d{2,3}){0,4},\d{3}(?:\.\d{0,12})?\s*$
{%- endmacro %}
