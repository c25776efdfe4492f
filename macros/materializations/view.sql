{#
  Replace a view in place. dbt's own materialization renames and drops with CASCADE, which silently takes every view
  above along when one is built by itself; CREATE OR REPLACE keeps them, and is possible as long as the columns that were
  there keep their names, order and types.
#}
{% materialization view, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% if existing is not none and not can_replace_view(existing, sql) %}
    {% do log("the columns of " ~ this ~ " changed: views above it are dropped and come back with the next full build", info=True) %}
    {% do adapter.drop_relation(existing) %}
  {% endif %}
  {% call statement('main') -%}
    {{ get_replace_view_sql(target_relation, sql) }}
  {%- endcall %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro can_replace_view(existing, sql) %}
  {% if not existing.is_view %}{{ return(false) }}{% endif %}
  {% set old = get_column_schema_from_query("select * from " ~ existing) %}
  {% set new = get_column_schema_from_query(sql) %}
  {% if old | length > new | length %}{{ return(false) }}{% endif %}
  {% for column in old %}
    {% if column.name != new[loop.index0].name or column.dtype != new[loop.index0].dtype %}{{ return(false) }}{% endif %}
  {% endfor %}
  {{ return(true) }}
{% endmacro %}
