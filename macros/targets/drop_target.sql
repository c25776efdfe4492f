{#
  Drop all that a target with a schema of its own has built: dbt run-operation drop_target --target dev. What others have made on it goes
  too; raw tables, the ledger and the database's own target stay.
#}
{% macro drop_target() %}
  {% if not schema_prefix() %}
    {{ exceptions.raise_compiler_error(
      "target " ~ target.name ~ " is the database's own (schema: marts), which is not dropped. Name another with --target") }}
  {% endif %}
  {% call statement('drop_schemas', auto_begin=true) %}
    {% for name in ('marts', 'intermediate', 'staging', 'facts', 'enrichment', 'audit') %}
      drop schema if exists {{ adapter.quote(schema_prefix() ~ name) }} cascade;
      delete from audit.locks where starts_with(name, 'model {{ schema_prefix() ~ name }}.');
    {% endfor %}
  {% endcall %}
  {% do adapter.commit() %}
  {% do log("dropped the schemas of " ~ target.schema, info=True) %}
{% endmacro %}
