{#
  A small table computed from seeds and other small tables (sessions, rates, expiries), so that every mart reads rows
  instead of recomputing a calendar. Each build computes it and writes only the rows that differ: none, when no seed changed.

  config.meta:
    key   the columns that identify a row: the contract's primary key
    corrections_count   true where a row that changes or goes changes what was built from it: what reads the table is built again
    rebuilds_sessions   columns; where they change in a row, or it goes, loads of its session_date are built again
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
  {% if prepare_table(target_relation, sql) %}{% do create_missing_indexes(target_relation) %}{% endif %}
  {% if config.get('meta').get('corrections_count') and run_query("
    with computed as (" ~ sql ~ ")
    select exists (
      select " ~ columns ~ " from " ~ target_relation ~ " except select " ~ columns ~ " from computed
    )").rows[0][0] %}
    {% do record_correction() %}
  {% endif %}
  {% if config.get('meta').get('rebuilds_sessions') %}{% do rebuild_changed_sessions(target_relation, sql) %}{% endif %}
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


{#
  Let the loads of sessions that a calendar has corrected be built again: other hours, or none at all. What it adds lets rows that
  were set aside be judged anew (judge_again).
#}
{% macro rebuild_changed_sessions(relation, sql) %}
  {% set deciding = get_quoted_csv(config.get('meta')['rebuilds_sessions']) %}
  {% if run_query("select to_regclass('intermediate.int_loads__slices') is not null").rows[0][0] %}
    {% call statement('rebuild_changed_sessions') %}
      with computed as ({{ sql }}),
      corrected as (
        select {{ deciding }} from {{ relation }}
        except
        select {{ deciding }} from computed
      )
      delete from audit.built_loads as built
      using intermediate.int_loads__slices as slices
      where slices.session_date in (select corrected.session_date from corrected) and built.load_id = slices.load_id
        {# ids and slices stay what they are #}
        and built.model not in ('int_symbols__parsed', 'int_contracts__registered', 'int_loads__slices')
    {% endcall %}
  {% endif %}
{% endmacro %}
