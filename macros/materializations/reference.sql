{#
  A small table computed from seeds and other small tables (sessions, rates, expiries), so that every mart reads rows
  instead of recomputing a calendar. Each build computes it and writes only the rows that differ: none, when no seed changed.

  config.meta:
    key   the columns that identify a row
#}
{% materialization reference, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set columns = get_quoted_csv(model['columns'].keys()) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% if prepare_table(target_relation, sql) %}{% do create_indexes(target_relation) %}{% endif %}
  {# two statements: a row whose key stays but whose values change must be gone before it comes back #}
  {% call statement('remove_outdated') %}
    delete from {{ target_relation }} as stored
    using (
      select {{ columns }} from {{ target_relation }}
      except
      select {{ columns }} from ({{ sql }}) as computed
    ) as outdated
    where {% for name in config.get('meta')['key'] %}stored.{{ name }} = outdated.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
  {% endcall %}
  {% call statement('main') %}
    insert into {{ target_relation }} ({{ columns }})
    select {{ columns }} from ({{ sql }}) as computed
    except
    select {{ columns }} from {{ target_relation }}
  {% endcall %}
  {% if load_result('main')['response'].rows_affected %}
    {# everything joins these tables; without statistics the marts above are planned as if they were empty #}
    {% do run_query("analyze " ~ target_relation) %}
  {% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
