{#
  A small table computed from seeds and other small tables (sessions, rates, expiries), so that every mart reads rows
  instead of recomputing a calendar. Each build computes it and writes only the rows that differ: none, when no seed changed.

  config.meta:
    key   the columns that identify a row: the contract's primary key
    corrections_count   true where a row that changes or goes changes what was built from it: what reads the table is built again
#}
{% materialization reference, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set columns = get_quoted_csv(model['columns'].keys()) -%}
  {%- set key = config.get('meta')['key'] -%}
  {%- set same_key -%}
    {% for name in key %}stored.{{ name }} = computed.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
  {%- endset -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% if prepare_table(target_relation, sql) %}{% do create_indexes(target_relation) %}{% endif %}
  {% if config.get('meta').get('corrections_count') and run_query("
    with computed as (" ~ sql ~ ")
    select exists (
      select " ~ columns ~ " from " ~ target_relation ~ " except select " ~ columns ~ " from computed
    )").rows[0][0] %}
    {% do record_correction() %}
  {% endif %}
  {% call statement('main') %}
    with computed as materialized ({{ sql }}),
    removed as (
      delete from {{ target_relation }} as stored
      where not exists (select from computed where {{ same_key }})
    )
    insert into {{ target_relation }} ({{ columns }})
    select {{ columns }} from computed
    except
    select {{ columns }} from {{ target_relation }}
    on conflict ({{ key | join(', ') }}) do update set ({{ columns }}) = row({% for name in model['columns'] %}excluded.{{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor %})
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
