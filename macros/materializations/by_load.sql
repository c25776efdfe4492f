{#
  A plain table that follows the ledger load by load: rows of new loads are added, and where the model says so, rows of
  loads that are gone, or whose outcome another load has changed, are replaced. For what belongs to a load rather than to
  a slice: the symbols it brought, the slices it touches, its rows that were quarantined or superseded.

  config.meta, beside what plan_build reads:
    keeps  'everything' (what a load brought stays known when the load goes: ids and slices must outlive it) or
           'current loads' (rows carry load_id and are replaced whenever their load is touched) or
           'each load' (rows carry load_id and go with their load; what other loads bring changes nothing in them)
    evaluates_again  see evaluate_again; done after new rows
#}
{% materialization by_load, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set meta = config.get('meta') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% if prepare_table(target_relation, sql) %}{% do create_missing_indexes(target_relation) %}{% endif %}
  {% set plan = plan_build(model.name, meta) %}
  {% if plan['added'] + plan['removed'] == 0 %}
    {% call noop_statement('main', 'nothing new', 'SELECT', 0) %}{% endcall %}
  {% else %}
    {% do prepare_for_bulk() %}
    {% if meta['keeps'] in ('current loads', 'each load') %}
      {% call statement('delete_loads') %}
        delete from {{ target_relation }} as stored
        using {{ record('loads_to_build') }} as planned
        where planned.model = '{{ model.name }}' and stored.load_id = planned.load_id
      {% endcall %}
    {% endif %}
    {% call statement('main') %}
      insert into {{ target_relation }} ({{ get_quoted_csv(model['columns'].keys()) }})
      select {{ get_quoted_csv(model['columns'].keys()) }} from (
        {{ sql }}
      ) as brought
      {% if meta['keeps'] == 'everything' %}
        {# a row comes again if something else is known about it now #}
        on conflict ({{ model['constraints'][0]['columns'] | join(', ') }}) do update set
        {% for column in model['columns'] %}{{ column }} = excluded.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
      {% endif %}
    {% endcall %}
    {% do evaluate_again(meta.get('evaluates_again', [])) %}
    {% do finish_build(model.name) %}
    {% do run_query("analyze " ~ target_relation) %}
  {% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
