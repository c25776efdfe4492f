{#
  A small table computed from seeds and other small tables (sessions, rates, expiries), so that every mart reads rows
  instead of recomputing a calendar. Each build computes it and writes only the rows that differ: none, when no seed changed.

  config.meta:
    key   the columns that identify a row: the contract's primary key
    corrections_count   true where a row that changes or goes changes what was built from it: what reads the table is built again
    rebuilds_sessions   columns; where they change in a row, or the row goes, loads of its session_date are built again
    prices_options      true where Greeks are computed from its rows: slices that become due when its rows change are listed
    evaluates_sessions_again   reasons as in int_quotes__set_aside; where those columns change in a row, or the row is new, loads with rows
                            of its session_date that were quarantined for one of these reasons are built again
#}
{% materialization reference, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% if prepare_table(target_relation, sql) %}{% do create_missing_indexes(target_relation) %}{% endif %}
  {% if flags.EMPTY %}
    {% call noop_statement('main', 'left as it is', 'SELECT', 0) %}{% endcall %}
  {% else %}
    {% do write_what_differs(target_relation, sql) %}
  {% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# Compute the table, and write the rows that are new or differ; rows that no longer exist are deleted. #}
{% macro write_what_differs(target_relation, sql) %}
  {%- set columns = get_quoted_csv(model['columns'].keys()) -%}
  {%- set key = config.get('meta')['key'] -%}
  {%- set same_key -%}
    {% for name in key %}stored.{{ name }} = computed.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
  {%- endset -%}

  {# computed once, because it is compared in several statements #}
  {% do run_query("create temporary table computed on commit drop as select " ~ columns ~ " from (" ~ sql ~ ") as computed") %}
  {% set prices_options = config.get('meta').get('prices_options', false) %}
  {% set corrects = (prices_options or config.get('meta').get('corrections_count')) and run_query("
    select exists (
      select " ~ columns ~ " from " ~ target_relation ~ " except select " ~ columns ~ " from computed
    )").rows[0][0] %}
  {% if corrects and config.get('meta').get('corrections_count') %}{% do record_correction() %}{% endif %}
  {% if config.get('meta').get('rebuilds_sessions') %}{% do rebuild_changed_sessions(target_relation) %}{% endif %}
  {% call statement('main') %}
    with removed as (
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
  {% if prices_options and (corrects or load_result('main')['response'].rows_affected) %}{% do list_slices_due() %}{% endif %}
{% endmacro %}


{#
  Let the loads of sessions that a calendar has corrected, with other hours or with none at all, be built again. For sessions that it adds,
  only those loads are built again that have rows quarantined for want of the session. The computed rows stand in the temporary table of
  that name.
#}
{% macro rebuild_changed_sessions(relation) %}
  {% set deciding = get_quoted_csv(config.get('meta')['rebuilds_sessions']) %}
  {% set reasons = config.get('meta').get('evaluates_sessions_again', []) %}
  {% set set_aside, slices = relation_of('int_quotes__set_aside'), relation_of('int_loads__slices') %}
  {% if reasons and run_query("select to_regclass('" ~ set_aside ~ "') is not null").rows[0][0] %}
    {% call statement('evaluate_sessions_again') %}
      with added as (
        select {{ deciding }} from computed
        except
        select {{ deciding }} from {{ relation }}
      ),
      evaluated as (
        delete from {{ record('built_loads') }} as built
        using {{ set_aside }} as set_aside
        where set_aside.session_date in (select added.session_date from added)
          and split_part(set_aside.reason, ':', 1) in ('{{ reasons | join("', '") }}')
          and built.load_id = set_aside.load_id
          {# what has been built before this table in the same build stays as it is #}
          and built.model in ('{{ models_built_from_this() | join("', '") }}')
        returning built.model
      )
      {{ leave_due('evaluated') }}
    {% endcall %}
  {% endif %}
  {% if run_query("select to_regclass('" ~ slices ~ "') is not null").rows[0][0] %}
    {% call statement('rebuild_changed_sessions') %}
      with corrected as (
        select {{ deciding }} from {{ relation }}
        except
        select {{ deciding }} from computed
      ),
      rebuilt as (
        delete from {{ record('built_loads') }} as built
        using {{ slices }} as slices
        where slices.session_date in (select corrected.session_date from corrected) and built.load_id = slices.load_id
          {# keys, ids and slices stay what they are #}
          and built.model not in (
            'int_loads__keys', 'int_symbols__parsed', 'int_contracts__registered', 'int_instruments__registered',
            'int_loads__slices'
          )
        returning built.model
      )
      {{ leave_due('rebuilt') }}
    {% endcall %}
  {% endif %}
{% endmacro %}


{# Names of the models that read the model at work, directly or through others: those that a build makes after it. #}
{% macro models_built_from_this() %}
  {% set names = [] %}
  {% for id in ids_built_from(model.unique_id) %}{% do names.append(graph.nodes[id].name) %}{% endfor %}
  {{ return(names) }}
{% endmacro %}


{# Unique ids of the models that read a node, directly or through others. #}
{% macro ids_built_from(id) %}
  {% set found, parents = [id], {} %}
  {% for node in graph.nodes.values() if node.resource_type == 'model' %}{% do parents.update({node.unique_id: node.depends_on.nodes}) %}{% endfor %}
  {% for _ in parents %}
    {% set found_before = found | length %}
    {% for child, read in parents.items() if child not in found and read | select('in', found) | list %}{% do found.append(child) %}{% endfor %}
    {% if found | length == found_before %}{{ return(found[1:]) }}{% endif %}
  {% endfor %}
  {{ return(found[1:]) }}
{% endmacro %}
