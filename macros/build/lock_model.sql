{#
  Take this model for the rest of the transaction, or say who has it. Two builds at once would otherwise each plan
  from the same ledger and write the same slices.

  relation: the relation about to be written.
#}
{% macro lock_model(relation) %}
  {% set name = relation.schema ~ '.' ~ relation.identifier %}
  {% set key = "hashtextextended('tickmart model " ~ name ~ "', 0)" %}
  {% set state = namespace(is_ours=false) %}
  {# what a killed build left on the server ends by itself within seconds (client_connection_check_interval) #}
  {% for attempt in range(30) %}
    {% if not state.is_ours %}
      {# a statement, not run_query: it opens the transaction that everything after it belongs to #}
      {% call statement('lock_model', fetch_result=True) %}
        select pg_try_advisory_xact_lock({{ key }}), pg_sleep({{ 0 if loop.first else 0.5 }})
      {% endcall %}
      {% set state.is_ours = load_result('lock_model').table.rows[0][0] %}
    {% endif %}
  {% endfor %}
  {% if not state.is_ours %}
    {% set holder = run_query("
      select format('process %s (%s) of user %s', activity.pid, activity.application_name, activity.usename)
      from pg_locks as locks
      inner join pg_stat_activity as activity on locks.pid = activity.pid
      where locks.locktype = 'advisory' and locks.granted
        and (locks.classid::bigint << 32) + locks.objid::bigint = " ~ key
    ).rows %}
    {{ exceptions.raise_compiler_error(
      "another build is writing " ~ name ~ ": " ~ (holder[0][0] if holder | length > 0 else "a process that has just ended") ~ ". Wait for it, then build again.") }}
  {% endif %}
{% endmacro %}
