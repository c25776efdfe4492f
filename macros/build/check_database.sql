{#
  Stop a run early, with what to do, where it could only fail later: a server without TimescaleDB or older than
  PostgreSQL 16, a database that was never migrated, a build that somebody else is running.

  `tickmart build` holds the build lock itself and passes its server process id in TICKMART_BUILD_PID.
#}
{% macro check_database() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed', 'test') %}
    {% set facts = run_query("
      select
        current_setting('server_version_num')::int as version,
        exists (select 1 from pg_extension where extname = 'timescaledb') as has_timescaledb,
        to_regclass('audit.loads') is not null as is_migrated
    ").rows[0] %}
    {% if facts['version'] < 160000 %}
      {{ exceptions.raise_compiler_error(
        "this server is PostgreSQL " ~ facts['version'] // 10000 ~ "; tickmart needs 16 or newer. Use `tickmart db start`, or a newer server.") }}
    {% endif %}
    {% if not facts['has_timescaledb'] or not facts['is_migrated'] %}
      {{ exceptions.raise_compiler_error(
        "database " ~ target.dbname ~ " on " ~ target.host ~ " has no tickmart tables yet. Run `tickmart db migrate` once (it makes the extension, the raw and the audit tables).") }}
    {% endif %}
    {% if flags.WHICH != 'test' %}
      {% set holder = build_lock_holder() %}
      {% if holder %}
        {{ exceptions.raise_compiler_error("another build is running on this database: " ~ holder ~ ". Wait for it, then build again.") }}
      {% endif %}
    {% endif %}
  {% endif %}
{% endmacro %}


{# Who holds the build lock, as text; none where nobody does or where it is the process that called dbt. #}
{% macro build_lock_holder() %}
  {% set rows = run_query("
    select format(
      'process %s (%s) of user %s from %s, since %s',
      activity.pid, coalesce(nullif(activity.application_name, ''), 'unnamed'), activity.usename,
      coalesce(activity.client_addr::text, 'this machine'), to_char(activity.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
    )
    from pg_locks as locks
    inner join pg_stat_activity as activity on locks.pid = activity.pid
    where locks.locktype = 'advisory'
      and locks.granted
      and locks.database = (select oid from pg_database where datname = current_database())
      and (locks.classid::bigint << 32) + locks.objid::bigint = hashtextextended('tickmart build', 0)
      and activity.pid::text <> '" ~ env_var('TICKMART_BUILD_PID', '') ~ "'
  ").rows %}
  {{ return(rows[0][0] if rows | length > 0 else none) }}
{% endmacro %}
