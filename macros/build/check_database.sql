{#
  Stop a run early, and say what to do, where it could only fail later: on a server without TimescaleDB or older than PostgreSQL 16, on a
  database that was never migrated, or while somebody else is running a build.

  `tickmart build` holds the build lock itself and passes its server process id in TICKMART_BUILD_PID.
#}
{% macro check_database() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed', 'test') %}
    {% set facts = run_query("
      select
        current_setting('server_version_num')::int as version,
        exists (select 1 from pg_extension where extname = 'timescaledb') as has_timescaledb,
        to_regclass('audit.last_build') is not null as is_migrated
    ").rows[0] %}
    {% if facts['version'] < 160000 %}
      {{ exceptions.raise_compiler_error(
        "this server is PostgreSQL " ~ facts['version'] // 10000 ~ "; tickmart needs 16 or newer. Use `tickmart db start`, or a newer server.") }}
    {% endif %}
    {% if not facts['has_timescaledb'] or not facts['is_migrated'] %}
      {{ exceptions.raise_compiler_error(
        "database " ~ target.dbname ~ " on " ~ target.host ~ " lacks tables of tickmart. Run `tickmart db migrate` once (it makes the extension, the raw and the audit tables).") }}
    {% endif %}
    {# somebody who builds in a target of their own writes nothing that this build writes #}
    {% if flags.WHICH != 'test' and not schema_prefix() %}
      {% set holder = run_query("
        select audit.describe_session(pid) as who, pid from audit.table_lock_holder('audit.build_lock') as pid
      ").rows[0] %}
      {% if holder['pid'] and holder['pid'] | string != env_var('TICKMART_BUILD_PID', '') %}
        {{ exceptions.raise_compiler_error("another build is running on this database: " ~ who_holds(holder['who'], holder['pid'])) }}
      {% endif %}
    {% endif %}
  {% endif %}
{% endmacro %}
