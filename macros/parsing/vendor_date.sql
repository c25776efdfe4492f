{#
  A vendor's date text as a date, NULL where it is none. The order of day and month is what the layout writes; a year of five
  digits is no date, and neither is a placeholder such as 31/12/9999.

  Spreadsheets rewrite dates by their own settings. If the row's load is given, the forms of spreadsheets are read too (11/25/2025,
  4/11/2025, 25-Nov-25), provided that the cell leaves only one reading, or that the load proves an order of day and month and contradicts
  it nowhere (base_loads__date_orders). A load that proves month first turns round the layout's own order as well.

  A subquery, because the text is put in order once and used twice; `offset 0` keeps the planner from doing it twice.

  column: the text column.
  order:  none (DD/MM/YYYY and YYYY-MM-DD), 'yyyy-mm-dd', 'dd-mon-yyyy' (25-Jan-2023 in any case) or 'dd-mm-yyyy' (28-08-2025, and
          YYYY-MM-DD beside it).
  load:   the column of the row's load id; without it only the layout's own forms are read.
#}
{% macro vendor_date(column, order=none, load=none) -%}
{% if order not in (none, 'yyyy-mm-dd', 'dd-mon-yyyy', 'dd-mm-yyyy') -%}
  {{ exceptions.raise_compiler_error("vendor_date: order is none, yyyy-mm-dd, dd-mon-yyyy or dd-mm-yyyy, not " ~ order) }}
{%- endif -%}
{%- set year_month_day = [
    'substr(' ~ column ~ ', 7, 4)', 'substr(' ~ column ~ ', 4, 2)', 'left(' ~ column ~ ', 2)'
] -%}
select case
  when ordered.text between '1990-01-01' and '2099-12-31' and pg_input_is_valid(ordered.text, 'date')
    then ordered.text::date
end as session_date
from (
  select case
  {%- if order == 'dd-mon-yyyy' %}
    when {{ column }} like '__-___-____'
      then substr({{ column }}, 8, 4) || '-' || lpad(
        {{ number_of_month("substr(" ~ column ~ ", 4, 3)") }}::text, 2, '0'
      ) || '-' || left({{ column }}, 2)
  {%- elif order != 'yyyy-mm-dd' %}
    when {{ column }} like '{{ '__-__-____' if order == 'dd-mm-yyyy' else '__/__/____' }}'
      {%- if load %}
      and {{ load }} <> all({{ loads_of_date_order('month first') }})
      {%- endif %}
      then {{ year_month_day | join(" || '-' || ") }}
  {%- endif %}
  {%- if order != 'dd-mon-yyyy' or load %}
    when {{ column }} like '____-__-__' then {{ column }}
  {%- endif %}
  {%- if load %}
    when octet_length({{ column }}) <= 12 then (
      select case
        when date_parts.month ~ '^\D' then
          date_parts.year || '-' || lpad({{ number_of_month('date_parts.month') }}::text, 2, '0') || '-' || date_parts.day
        when
          date_parts.month <= '12'
          and (
            date_parts.day > '12' or date_parts.day = date_parts.month
            or {{ load }} = any({{ loads_of_date_order('day first') }})
          )
          then date_parts.year || '-' || date_parts.month || '-' || date_parts.day
        when
          date_parts.day <= '12'
          and (date_parts.month > '12' or {{ load }} = any({{ loads_of_date_order('month first') }}))
          then date_parts.year || '-' || date_parts.day || '-' || date_parts.month
      end
      from ({{ parts_of_date(column) }}) as date_parts
    )
  {%- endif %}
  end as text
  from (select 1) as once
  offset 0
) as ordered
offset 0
{%- endmacro %}


{#
  The parts of a date as spreadsheets write it, day first, as texts of two figures and a year of four: year, month (figures, or the
  letters of its name), day. No row where the text is no such date.
#}
{% macro parts_of_date(column) -%}
select
        case length(found.parts[3]) when 2 then '20' || found.parts[3] else found.parts[3] end as year,
        lpad(found.parts[2], greatest(2, length(found.parts[2])), '0') as month,
        lpad(found.parts[1], 2, '0') as day
      from (
        select regexp_match(
          {{ column }}, '^\s*(\d{1,2})[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ](\d{4}|\d\d)\s*$'
        ) as parts
      ) as found
      where found.parts is not null
{%- endmacro %}


{# The number of a month by the three letters of its English name, in any case. #}
{% macro number_of_month(name) -%}
array_position(
          array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
          upper({{ name }})
        )
{%- endmacro %}


{#
  A date's text in a form that vendor_date reads without a load: the layout's own forms stay as they are, a date that can be read only with
  the load becomes YYYY-MM-DD, and a text that is no date stays as it is.

  column: the text column.
  date:   the date that vendor_date has made of it with the load.
  order, load: as for vendor_date.
#}
{% macro date_text(column, date, order=none, load=none) -%}
case
  when {{ column }} like '____-__-__' then {{ column }}
  {%- if order == 'dd-mon-yyyy' %}
  when {{ column }} like '__-___-____' then {{ column }}
  {%- elif order != 'yyyy-mm-dd' %}
  when {{ column }} like '{{ '__-__-____' if order == 'dd-mm-yyyy' else '__/__/____' }}' and {{ load }} <> all({{ loads_of_date_order('month first') }})
    then {{ column }}
  {%- endif %}
  else coalesce(to_char({{ date }}, 'YYYY-MM-DD'), {{ column }})
end
{%- endmacro %}


{# The loads that prove an order of day and month, as an array. #}
{% macro loads_of_date_order(order) -%}
array(
        select orders.load_id from {{ ref('base_loads__date_orders') }} as orders where orders.date_order = '{{ order }}'
      )
{%- endmacro %}


{#
  Why a text is no date, in words.

  column: the text column, for which vendor_date gives NULL.
  otherwise: the words, as an expression, for a text that is no date at all.
#}
{% macro no_date(column, otherwise) -%}
case
              when {{ column }} ~ '^\s*(?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:\d{4}|\d\d)\s*$'
                then 'day and month cannot be told apart: ' || btrim({{ column }}) || ', and no date of the file proves their order'
              else {{ otherwise }}
            end
{%- endmacro %}
