{#
  A vendor's date text as a date, NULL where it is none. Accepts DD/MM/YYYY and YYYY-MM-DD and nothing else: the order of
  day and month is never inferred, a year of five digits is no date, and neither is a placeholder such as 31/12/9999.

  A subquery, because the text is put in order once and used twice; `offset 0` keeps the planner from doing it twice.

  column: the text column.
#}
{% macro vendor_date(column) -%}
select case
  when ordered.text between '1990-01-01' and '2099-12-31' and pg_input_is_valid(ordered.text, 'date')
    then ordered.text::date
end as session_date
from (
  select case
    when {{ column }} like '__/__/____'
      then substr({{ column }}, 7, 4) || '-' || substr({{ column }}, 4, 2) || '-' || left({{ column }}, 2)
    when {{ column }} like '____-__-__' then {{ column }}
  end as text
  from (select 1) as once
  offset 0
) as ordered
offset 0
{%- endmacro %}
