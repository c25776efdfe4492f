{#
  Make the records of a target with a schema of its own, and its tables of the Greeks step, which stay empty, because that step prices the
  database's own target. `tickmart db migrate` makes the records and tables of the database's own target.
#}
{% macro make_records() %}
  {% if execute and schema_prefix() and flags.WHICH in ('run', 'build', 'seed', 'test') %}
    {% set made = tables_of_a_target() %}
    {% set outdated = run_query("
      select format('%I.%I', schema_name, table_name)
      from (values " ~ made | join(', ') ~ ") as made (schema_name, table_name)
      cross join lateral (
        select string_agg(attname || ' ' || atttypid::regtype, ',' order by attname) as columns
        from pg_attribute
        where attrelid = to_regclass(format('%I.%I', schema_name, table_name)) and attnum > 0 and not attisdropped
      ) as migrated
      cross join lateral (
        select string_agg(attname || ' ' || atttypid::regtype, ',' order by attname) as columns
        from pg_attribute
        where attrelid = to_regclass(format('%I.%I', '" ~ schema_prefix() ~ "' || schema_name, table_name)) and attnum > 0 and not attisdropped
      ) as own
      where own.columns <> migrated.columns").rows %}
    {% if outdated %}
      {{ exceptions.raise_compiler_error(
        "target " ~ target.name ~ " was made by another version of tickmart. Drop what it built, and build it again: dbt run-operation drop_target --target " ~ target.name) }}
    {% endif %}
    {% for schema_name in ('audit', 'enrichment') %}
      create schema if not exists {{ schema_prefix() ~ schema_name }};
    {% endfor %}
    {% for row in run_query("
      select schema_name, table_name from (values " ~ made | join(', ') ~ ") as made (schema_name, table_name)").rows %}
      create table if not exists {{ schema_prefix() ~ row['schema_name'] }}.{{ row['table_name'] }}
      (like {{ row['schema_name'] }}.{{ row['table_name'] }} including all);
    {% endfor %}
  {% endif %}
{% endmacro %}


{# The tables of which each target has its own, as rows of schema and table. #}
{% macro tables_of_a_target() %}
  {{ return([
    "('audit', 'built_loads')",
    "('audit', 'built_models')",
    "('audit', 'loads_to_build')",
    "('audit', 'slices_to_build')",
    "('audit', 'left_due')",
    "('enrichment', 'option_greeks')",
    "('enrichment', 'option_greeks_coarse')",
    "('enrichment', 'greeks_due')",
    "('enrichment', 'greeks_slices')",
    "('enrichment', 'volatility_fits')",
    "('enrichment', 'volatility_nodes')",
  ]) }}
{% endmacro %}
