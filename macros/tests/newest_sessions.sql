{#
  A condition that holds for the sessions which the newest loads touch (`sessions_under_test` of them), so that the cost of a test follows
  what is new and not what is stored. Dates are literals: other chunks are never opened. True for every row where
  TICKMART_TEST_WHOLE_TABLES is set, as the nightly run does (docs/decisions/0030); that is read while a test runs and not while dbt parses.

  session_date: the column with the session date.
  time_column:  the column that partitions the table; none where there is no such column.
#}
{% macro newest_sessions(session_date='session_date', time_column='bar_start') %}
  {%- if not execute or env_var('TICKMART_TEST_WHOLE_TABLES', '') -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set dates = dates_of_newest_sessions() -%}
  {%- if not dates -%}
    {{ return('false') }}
  {%- endif -%}
  {%- set listed = session_date ~ " in ('" ~ dates | map(attribute='date') | join("', '") ~ "')" -%}
  {%- if not time_column -%}
    {{ return('(' ~ listed ~ ')') }}
  {%- endif -%}
  {#- One range around them all: TimescaleDB carries it to both sides of a join. -#}
  {%- set around = between_midnights(
    time_column, dates | map(attribute='before') | min, dates | map(attribute='after') | max) -%}
  {%- set numbers = dates | map(attribute='number') | list -%}
  {%- if numbers | max - numbers | min <= 31 -%}
    {{ return('(' ~ around ~ ' and ' ~ listed ~ ')') }}
  {%- endif -%}
  {#- With an old session beside new ones: a range for each, so that no chunk between them is opened. For neighbouring sessions, ranges of
      their own would make the planner expect no row at all, and read a whole side of a join for each row of the other. -#}
  {%- set each = [] -%}
  {%- for day in dates -%}
    {%- do each.append(session_date ~ " = '" ~ day.date ~ "' and " ~ between_midnights(time_column, day.before, day.after)) -%}
  {%- endfor -%}
  {{ return('(' ~ around ~ ' and ((' ~ each | join(') or (') ~ ')))') }}
{% endmacro %}


{% macro between_midnights(time_column, first, last) %}
  {{ return(time_column ~ " >= '" ~ first ~ " 00:00+00' and " ~ time_column ~ " < '" ~ last ~ " 00:00+00'") }}
{% endmacro %}


{# The loads that brought something to those sessions, and the newest load of all, which may have brought nothing that can be read. #}
{% macro newest_loads(load_id='load_id') %}
  {%- if not execute or env_var('TICKMART_TEST_WHOLE_TABLES', '') -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set touching -%}
    select load_id from audit.loads where load_id = (select max(load_id) from audit.loads)
    {% for day in dates_of_newest_sessions() %}
      union select load_id from {{ relation_of('int_loads__slices') }} where session_date = '{{ day.date }}'
    {% endfor %}
  {%- endset -%}
  {{ return(load_id ~ ' = any(array(' ~ touching ~ '))') }}
{% endmacro %}


{# As a list of {date, before, after, number (days since 2000)}, newest first. #}
{% macro dates_of_newest_sessions() %}
  {%- if not run_query("select to_regclass('" ~ relation_of('int_loads__slices') ~ "') is not null").rows[0][0] -%}
    {{ return([]) }}
  {%- endif -%}
  {%- set dates = [] -%}
  {%- for row in run_query("
    select session_date::text, (session_date - 1)::text, (session_date + 2)::text, session_date - date '2000-01-01'
    from " ~ relation_of('int_loads__slices') ~ "
    group by session_date
    order by max(load_id) desc, session_date desc
    limit " ~ var('sessions_under_test', 3)).rows -%}
    {%- do dates.append({'date': row[0], 'before': row[1], 'after': row[2], 'number': row[3] | int}) -%}
  {%- endfor -%}
  {{ return(dates) }}
{% endmacro %}
