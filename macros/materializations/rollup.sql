{#
  Coarser bars of one hypertable: a flat select with session_bucket, group by and aggregates, nothing else. On the Community
  edition it becomes a continuous aggregate that this build refreshes; elsewhere a hypertable of its own, in which exactly
  the slices that changed below are aggregated again. Same columns, same rows (tests/integration/test_editions.py).

  config.meta, beside what plan_build and hypertable read:
    built_from      [the model that is rolled up]
#}
{% materialization rollup, adapter='postgres' %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- set meta = config.get('meta') -%}

  {% if timescale_edition() == 'community' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {% do lock_model(target_relation) %}
    {% do prepare_aggregate(target_relation, sql) %}
    {% do follow_policies(target_relation, model.name, meta, is_rollup=true) %}
    {# a killed refresh may have left its plan behind: its loads are not recorded yet, so they are planned again #}
    {% call statement('forget_plan') %}
      delete from {{ record('loads_to_build') }} where model = '{{ model.name }}';
      delete from {{ record('slices_to_build') }} where model = '{{ model.name }}';
    {% endcall %}
    {% set plan = plan_build(model.name, meta) %}
    {% if plan['slices'] > 0 %}
      {% do log_slices(model.name) %}
      {% set reach = sessions_of_plan(model.name) %}
      {% do list_planned_slices_as_due(model.name) %}
      {# a refresh runs in transactions of its own; its loads are recorded after it, so that after a kill in between it is done again #}
      {% do adapter.commit() %}
      {# held until the connection ends with the model: a refresh also notes what changed for the aggregates beside it #}
      {% do run_query("select pg_advisory_lock_shared(" ~ rollups_lock() ~ ")") %}
      {% do lift_decompression_limit() %}
      {% do refresh_aggregate(target_relation, reach) %}
    {% else %}
      {% call noop_statement('main', 'nothing new', 'SELECT', 0) %}{% endcall %}
    {% endif %}
    {% if plan['added'] + plan['removed'] > 0 %}{% do finish_build(model.name) %}{% endif %}

  {% else %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do lock_model(target_relation) %}
    {% if prepare_table(target_relation, sql) %}
      {% do make_hypertable(target_relation, meta.get('chunk_interval', '90 days')) %}
      {% do create_missing_indexes(target_relation) %}
    {% endif %}
    {% do rebuild_slices(target_relation, meta, sql, limited_from_outside=true) %}
  {% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
  Make the continuous aggregate, or make the existing one fit the model. If the rules differ (see rules_of_model), or on a full refresh, the
  aggregate is emptied if its query is still the same, so that nothing above it is dropped, and is made anew otherwise. A hypertable that
  another edition left gives way to it.
#}
{% macro prepare_aggregate(target_relation, sql) %}
  {% do get_assert_columns_equivalent(sql) %}
  {% set existing = load_cached_relation(this) %}
  {% if existing is not none and not run_query("select to_regclass('" ~ existing ~ "') is not null").rows[0][0] %}
    {# it was dropped with the hypertable below it; dbt does not know that the hypertable is below it #}
    {% do adapter.cache_dropped(existing) %}
    {% set existing = none %}
  {% endif %}
  {% set rules = rules_of_model(sql) %}
  {# with --empty the aggregate stays as it is #}
  {% if existing is not none and existing.is_view and (flags.EMPTY or (rules == rules_of_last_build() and not should_full_refresh())) %}
    {{ return('') }}
  {% endif %}

  {% if existing is not none %}{% do refuse_to_lose_what_was_dropped() %}{% endif %}
  {% do run_query("delete from " ~ record('built_loads') ~ " where model = '" ~ model.name ~ "'") %}
  {% do record_rules(rules) %}
  {% if existing is not none and existing.is_view and same_query(existing, sql) %}
    {% do run_query("truncate table " ~ existing) %}
    {{ return('') }}
  {% endif %}
  {% if existing is not none %}
    {% do refuse_to_leave_behind(existing) %}
    {% do log(this.schema ~ "." ~ this.identifier ~ " is made anew: views above it are dropped and come back with this build", info=True) %}
    {# not while another aggregate is refreshed: that refresh would leave notes for this one, which TimescaleDB cannot restore from a
       backup #}
    {% do run_query("select pg_advisory_xact_lock(" ~ rollups_lock() ~ ")") %}
    {% do run_query("drop " ~ ("table " if existing.is_table else "materialized view ") ~ existing ~ " cascade") %}
    {% do adapter.cache_dropped(existing) %}
  {% endif %}
  {% call statement('create_aggregate') %}
    create materialized view {{ target_relation }}
    with (timescaledb.continuous, timescaledb.materialized_only = false) as
    {{ sql }}
    with no data
  {% endcall %}
{% endmacro %}


{#
  Stop where a roll-up would be made anew from a table that no longer holds all that the roll-up does. A full refresh makes both from
  the raw rows.
#}
{% macro refuse_to_lose_what_was_dropped() %}
  {% for name in config.get('meta')['built_from'] if not should_full_refresh() %}
    {% set drop_after = var('policies').get(name, {}).get('drop_after', 'never') %}
    {% if drop_after != 'never' %}
      {{ exceptions.raise_compiler_error(
        "the rules of " ~ model.name ~ " have changed, and " ~ name ~ ", which it is made from, holds only " ~ drop_after
        ~ " (drop_after). Nothing was dropped. Build both from the raw rows: tickmart build --full-refresh --select " ~ name ~ "+") }}
    {% endif %}
  {% endfor %}
{% endmacro %}


{% macro rollups_lock() %}
  {{- return("hashtextextended('tickmart rollups', 0)") -}}
{% endmacro %}


{# Whether the aggregate's query is the model's, both as the server writes them. #}
{% macro same_query(existing, sql) %}
  {% do run_query("create temporary view " ~ model.name ~ "__as_written as " ~ sql) %}
  {% set is_same = run_query("
    select pg_get_viewdef('pg_temp." ~ model.name ~ "__as_written'::regclass) = view_definition
    from timescaledb_information.continuous_aggregates
    where view_schema = '" ~ existing.schema ~ "' and view_name = '" ~ existing.identifier ~ "'").rows[0][0] %}
  {% do run_query("drop view pg_temp." ~ model.name ~ "__as_written") %}
  {{ return(is_same) }}
{% endmacro %}


{#
  A select of all slices, limited to the planned ones. The literal bounds go down through the aggregation and prune chunks;
  the semi-join keeps exactly the slices.
#}
{% macro only_planned_slices(meta, sql, reach) %}
  {% set days = run_query("
    select distinct session_date::text as day from " ~ record('slices_to_build') ~ " where model = '" ~ model.name ~ "'
  ").columns[0].values() %}
  select built.*
  from (
    {{ sql }}
  ) as built
  where built.session_date between '{{ reach["first"] }}' and '{{ reach["last"] }}'
    and built.session_date = any ('{{ "{" ~ days | join(",") ~ "}" }}'::date[])
    and exists (
      select 1
      from {{ planned_slices(meta) }}
      where planned.model = '{{ model.name }}'
        and planned.session_date = built.session_date
        and ({{ conditions_of_slices(meta, 'built') | join(' or ') }})
    )
{% endmacro %}
