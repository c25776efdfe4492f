{#
  A condition that holds for the sessions which the newest loads touch (`sessions_under_test` of them, and fewer where the loads that
  `tickmart build` found new touch fewer), so that the cost of a test follows what is new and not what is stored. Dates are literals: other
  chunks are never opened. True for every row where TICKMART_TEST_WHOLE_TABLES is set, as the nightly run does (docs/decisions/0030). Both
  variables are of the environment: they are read while a test runs and not while dbt parses.

  session_date: the column with the session date.
#}
{% macro newest_sessions(session_date='session_date') %}
  {%- if not execute or env_var('TICKMART_TEST_WHOLE_TABLES', '') -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set newest = newest_sessions_on_file() -%}
  {%- if not newest.dates -%}
    {{ return('false') }}
  {%- endif -%}
  {#- One range, which TimescaleDB carries to both sides of a join. Where few other sessions lie in it they are looked at too: with a list
      beside the range the planner would expect next to no row, and read a whole side of a join for each row of the other. -#}
  {%- set around = session_date ~ " between '" ~ newest.first ~ "' and '" ~ newest.last ~ "'" -%}
  {%- if newest.sessions_between <= 3 * newest.dates | length -%}
    {{ return('(' ~ around ~ ')') }}
  {%- endif -%}
  {{ return('(' ~ around ~ ' and ' ~ session_date ~ " in ('" ~ newest.dates | join("', '") ~ "'))") }}
{% endmacro %}


{# The loads that brought something to those sessions, and the newest load of all, which may have brought nothing that can be read. #}
{% macro newest_loads(load_id='load_id') %}
  {%- if not execute or env_var('TICKMART_TEST_WHOLE_TABLES', '') -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set touching -%}
    select load_id from audit.loads where load_id = (select max(load_id) from audit.loads)
    {% for day in newest_sessions_on_file().dates %}
      union select load_id from {{ relation_of('int_loads__slices') }} where session_date = '{{ day }}'
    {% endfor %}
  {%- endset -%}
  {{ return(load_id ~ ' = any(array(' ~ touching ~ '))') }}
{% endmacro %}


{# Their dates, the first and the last of these, and how many sessions are on file from the first to the last. #}
{% macro newest_sessions_on_file() %}
  {%- set slices = relation_of('int_loads__slices') -%}
  {%- if load_cached_relation(slices) is none -%}
    {{ return({'dates': []}) }}
  {%- endif -%}
  {%- set new_loads = env_var('TICKMART_NEW_LOADS', '') -%}
  {%- set row = run_query("
    with
    sessions as (
      select session_date, max(load_id) as newest_load, bool_or(load_id = any ('{" ~ new_loads ~ "}')) as is_touched
      from " ~ slices ~ "
      group by session_date
    ),
    newest as (
      select session_date from sessions
      where is_touched or not exists (select from sessions where is_touched)
      order by newest_load desc, session_date desc
      limit " ~ var('sessions_under_test', 3) ~ "
    ),
    ends as (select min(session_date) as first, max(session_date) as last from newest)
    select
      (select string_agg(session_date::text, ' ' order by session_date) from newest) as dates,
      first::text,
      last::text,
      (select count(*) from sessions where session_date between first and last) as sessions_between
    from ends").rows[0] -%}
  {{ return({
    'dates': (row['dates'] or '').split(), 'first': row['first'], 'last': row['last'], 'sessions_between': row['sessions_between'],
  }) }}
{% endmacro %}
