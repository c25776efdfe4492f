{#
  A condition that holds for the sessions which the newest loads touch (`sessions_under_test` of them), so that the cost of a test follows
  what is new and not what is stored. Dates are literals: other chunks are never opened. True for every row where the variable
  `test_whole_tables` is set, as the nightly run does (docs/decisions/0030).

  session_date: the column with the session date.
#}
{% macro newest_sessions(session_date='session_date') %}
  {%- if var('test_whole_tables', false) or not execute -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set dates = dates_of_newest_sessions() -%}
  {%- if not dates -%}
    {{ return('false') }}
  {%- endif -%}
  {#- With one range around them all, which TimescaleDB carries to both sides of a join. -#}
  {{ return(
    '(' ~ session_date ~ " between '" ~ dates | min ~ "' and '" ~ dates | max ~ "' and "
    ~ session_date ~ " in ('" ~ dates | join("', '") ~ "'))"
  ) }}
{% endmacro %}


{# The loads that brought something to those sessions, and the newest load of all, which may have brought nothing that can be read. #}
{% macro newest_loads(load_id='load_id') %}
  {%- if var('test_whole_tables', false) or not execute -%}
    {{ return('true') }}
  {%- endif -%}
  {%- set touching -%}
    select load_id from audit.loads where load_id = (select max(load_id) from audit.loads)
    {% for day in dates_of_newest_sessions() %}
      union select load_id from {{ relation_of('int_loads__slices') }} where session_date = '{{ day }}'
    {% endfor %}
  {%- endset -%}
  {{ return(load_id ~ ' = any(array(' ~ touching ~ '))') }}
{% endmacro %}


{# Their dates, newest loads first. #}
{% macro dates_of_newest_sessions() %}
  {%- if not run_query("select to_regclass('" ~ relation_of('int_loads__slices') ~ "') is not null").rows[0][0] -%}
    {{ return([]) }}
  {%- endif -%}
  {{ return(run_query("
    select session_date::text
    from " ~ relation_of('int_loads__slices') ~ "
    group by session_date
    order by max(load_id) desc, session_date desc
    limit " ~ var('sessions_under_test', 3)).columns[0].values() | list) }}
{% endmacro %}
