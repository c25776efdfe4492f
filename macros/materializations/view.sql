{#
  Replace a view in place. dbt's own materialization renames and drops with CASCADE, which silently takes every view
  above along when one is built by itself; CREATE OR REPLACE keeps them, and is possible as long as the columns that were
  there keep their names, order and types.

  A view that is made of what it was last made of stays as it is: three quarters of the models are views, and to plan each of
  them again, with its contract, was half the time of a build with nothing new.
#}
{% materialization view, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% set made_of = fingerprint_of_view(sql) %}
  {% if existing is not none and not should_full_refresh() and view_is_made_of(made_of) %}
    {% call noop_statement('main', 'unchanged', 'CREATE VIEW', 0) %}{% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
  {% endif %}

  {% if existing is not none and not can_replace_view(existing, sql) %}
    {% do log("the columns of " ~ this ~ " changed: views above it are dropped and come back with the next full build", info=True) %}
    {% do adapter.drop_relation(existing) %}
  {% endif %}
  {% call statement('main') -%}
    {{ get_replace_view_sql(target_relation, sql) }}
  {%- endcall %}

  {% do persist_docs(target_relation, model) %}
  {% call statement('record_view') %}
    insert into audit.built_views (schema_name, view_name, made_of)
    values ('{{ this.schema }}', '{{ this.identifier }}', '{{ made_of }}')
    on conflict (schema_name, view_name) do update set made_of = excluded.made_of
  {% endcall %}
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


{#
  All that a view follows from: its SQL, its contract and descriptions, and the same of what it reads: `select *` takes the columns
  that were there when the view was made.
#}
{% macro fingerprint_of_view(sql) %}
  {% set parts = [sql, model['description']] + columns_as_text(model) %}
  {% set views = [] %}
  {% for node_id in model['depends_on']['nodes'] %}
    {% set node = graph['nodes'].get(node_id) or graph['sources'].get(node_id) %}
    {% if node and node['resource_type'] == 'model' and node['config']['materialized'] == 'view' %}
      {% do views.append("('" ~ node['schema'] ~ "', '" ~ node['alias'] ~ "')") %}
    {% elif node %}
      {% do parts.extend([node_id] + columns_as_text(node)) %}
    {% endif %}
  {% endfor %}
  {% if views %}
    {% set read = run_query("
      select string_agg(concat_ws(' ', schema_name, view_name, made_of), ',' order by schema_name, view_name)
      from audit.built_views where (schema_name, view_name) in (" ~ views | join(', ') ~ ")") %}
    {% do parts.append(read.rows[0][0] or '') %}
  {% endif %}
  {{ return(local_md5(parts | join('\n'))) }}
{% endmacro %}


{% macro columns_as_text(node) %}
  {% set columns = [] %}
  {% for column in node['columns'].values() %}
    {% do columns.append(column['name'] ~ ' ' ~ column['data_type'] ~ ' ' ~ column['description']) %}
  {% endfor %}
  {{ return(columns) }}
{% endmacro %}


{# Whether the view is there, and made of what it shall be made of. #}
{% macro view_is_made_of(made_of) %}
  {# a statement, not run_query: it opens the transaction that the materialization ends #}
  {% call statement('look_at_view', fetch_result=True) %}
    select exists (
      select 1 from audit.built_views
      where schema_name = '{{ this.schema }}' and view_name = '{{ this.identifier }}' and made_of = '{{ made_of }}'
    ) and to_regclass('{{ this.include(database=false) }}') is not null
  {% endcall %}
  {{ return(load_result('look_at_view').table.rows[0][0]) }}
{% endmacro %}
