{#
  A vendor's date text as a date, NULL where it is none. The order of day and month is never inferred: what a layout writes is
  said here, a year of five digits is no date, and neither is a placeholder such as 31/12/9999.

  A subquery, because the text is put in order once and used twice; `offset 0` keeps the planner from doing it twice.

  column: the text column.
  order:  none (DD/MM/YYYY and YYYY-MM-DD), 'dd-mon-yyyy' (25-Jan-2023 in any case) or 'dd-mm-yyyy' (28-08-2025, and
          YYYY-MM-DD beside it).
#}
{% macro vendor_date(column, order=none) -%}
{% if order not in (none, 'dd-mon-yyyy', 'dd-mm-yyyy') -%}
  {{ exceptions.raise_compiler_error("vendor_date: order is none, dd-mon-yyyy or dd-mm-yyyy, not " ~ order) }}
{%- endif -%}
select case
  when ordered.text between '1990-01-01' and '2099-12-31' and pg_input_is_valid(ordered.text, 'date')
    then ordered.text::date
end as session_date
from (
  select case
  {%- if order == 'dd-mon-yyyy' %}
    when {{ column }} like '__-___-____'
      then substr({{ column }}, 8, 4) || '-' || lpad(
        array_position(
          array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
          upper(substr({{ column }}, 4, 3))
        )::text, 2, '0'
      ) || '-' || left({{ column }}, 2)
  {%- else %}
    when {{ column }} like '{{ '__-__-____' if order == 'dd-mm-yyyy' else '__/__/____' }}'
      then substr({{ column }}, 7, 4) || '-' || substr({{ column }}, 4, 2) || '-' || left({{ column }}, 2)
    when {{ column }} like '____-__-__' then {{ column }}
  {%- endif %}
  end as text
  from (select 1) as once
  offset 0
) as ordered
offset 0
{%- endmacro %}
