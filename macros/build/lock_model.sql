{#
  Take this model for the rest of the transaction, or say who has it. Two builds at once would otherwise each plan
  from the same ledger and write the same slices.

  A build started by `tickmart build` stops here once its own lock is gone: whoever ended the session that held the lock has ended the
  build, although its dbt works on other connections.

  relation: the relation about to be written.
#}
{% macro lock_model(relation) %}
  {% set name = 'model ' ~ relation.schema ~ '.' ~ relation.identifier %}
  {% set state = namespace(is_ours=false) %}
  {# what a killed build left on the server ends by itself within seconds (client_connection_check_interval) #}
  {% for attempt in range(30) %}
    {% if not state.is_ours %}
      {# a statement, not run_query: it opens the transaction that everything after it belongs to #}
      {% call statement('lock_model', fetch_result=True) %}
        select
          audit.try_lock('{{ name }}') as is_ours,
          audit.table_lock_holder('audit.build_lock') as builder,
          pg_sleep({{ 0 if loop.first else 0.5 }})
      {% endcall %}
      {% set answer = load_result('lock_model').table.rows[0] %}
      {% set state.is_ours = answer['is_ours'] %}
      {% set build = env_var('TICKMART_BUILD_PID', '') %}
      {% if build and answer['builder'] | string != build %}
        {{ exceptions.raise_compiler_error(
          "the build lock is gone: its session, process " ~ build ~ ", was ended. Build again") }}
      {% endif %}
    {% endif %}
  {% endfor %}
  {% if not state.is_ours %}
    {% set holder = run_query("
      select audit.describe_session(pid) as who, pid from audit.lock_holder('" ~ name ~ "') as pid
    ").rows[0] %}
    {{ exceptions.raise_compiler_error(
      "another build is writing " ~ relation.schema ~ "." ~ relation.identifier ~ ": " ~ who_holds(holder['who'], holder['pid'])) }}
  {% endif %}
{% endmacro %}


{# Who holds a lock, and what to do about it, as warehouse/database/locks.py says it. #}
{% macro who_holds(who, pid) %}
  {{- return((who ~ ". Wait for it, or end it: tickmart db psql -c 'select pg_terminate_backend(" ~ pid ~ ")'")
    if who else "a process that has just begun or just ended. Try again") -}}
{% endmacro %}
