{#
  A vendor's date text as a date, NULL where it is none. Accepts DD/MM/YYYY and YYYY-MM-DD and nothing else: the order of
  day and month is never inferred, and a year of five digits is no date.

  column: the text column.
#}
{% macro vendor_date(column) -%}
case
  when {{ column }} like '__/__/____' and pg_input_is_valid(
    substr({{ column }}, 7, 4) || '-' || substr({{ column }}, 4, 2) || '-' || substr({{ column }}, 1, 2), 'date'
  ) then (substr({{ column }}, 7, 4) || '-' || substr({{ column }}, 4, 2) || '-' || substr({{ column }}, 1, 2))::date
  when {{ column }} like '____-__-__' and pg_input_is_valid({{ column }}, 'date') then {{ column }}::date
end
{%- endmacro %}
