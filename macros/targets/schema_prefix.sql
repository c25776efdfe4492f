{#
  What this target puts before every schema: nothing for the database's own (schema: marts), else its name, so that a target with
  `schema: dev_anna` builds dev_anna_staging, dev_anna_intermediate, dev_anna_marts and dev_anna_facts. Raw tables, the ledger and the
  sessions of exchanges are shared (docs/operations.md).
#}
{% macro schema_prefix() %}
  {# a name has 63 bytes at most: PostgreSQL would cut what is longer, and two targets would share what is left #}
  {% if not modules.re.match('[a-z][a-z0-9_]{0,39}$', target.schema) %}
    {{ exceptions.raise_compiler_error(
      "target " ~ target.name ~ " has the schema " ~ target.schema ~ ": it stands before the names of others, such as dev_anna before"
      ~ " _intermediate. Use small letters, digits and underscores, a letter first, 40 at most") }}
  {% endif %}
  {{- return('' if target.schema == 'marts' else target.schema ~ '_') -}}
{% endmacro %}
