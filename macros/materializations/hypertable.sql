{#
  A hypertable that is created empty with the key of its contract and from then on rebuilds exactly the slices that new,
  restated or unloaded loads touch. The first build is the same thing with every slice new; so is the build after a change of
  its rules (prepare_table), and a full refresh.

  config.meta, beside what plan_build reads:
    chunk_interval  default '7 days'; see make_hypertable
    slice_key       how rows belong to a slice: 'contract_id' (its group is the contract's underlying), 'underlying', or 'symbol' for
                    shares, where a file may bring a whole market
    limited_from_outside  true where the model's SQL covers all slices, and its last grouping has exchange, underlying and session_date.
                    The limit to the planned slices is then put around it, as for a rollup. Default: the SQL limits itself
                    (slices_to_build)
    compress_after, segment_by, order_by, drop_after  Community edition only: see follow_policies
#}
{% materialization hypertable, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set meta = config.get('meta') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% set is_new = prepare_table(target_relation, sql) %}
  {% if is_new %}
    {% do make_hypertable(target_relation, meta.get('chunk_interval', '7 days')) %}
    {% do create_missing_indexes(target_relation) %}
  {% endif %}
  {% do follow_policies(target_relation, model.name, meta) %}

  {% do rebuild_slices(target_relation, meta, sql, meta.get('limited_from_outside', false)) %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
  Make a hypertable of an empty table. Its chunks are periods of session_date, by which slices are built and from which coarser bars are
  rolled up, and the same periods of the other columns in its key that say when a row is. A bound on any of these columns leaves all other
  chunks unopened (docs/decisions/0150-chunks-are-found-by-session.md, 0163-roll-ups-are-of-sessions.md).

  The widths are the same, so that there is one chunk per period, and a second one for sessions that begin in UTC on the day before the
  period does.
#}
{% macro make_hypertable(relation, chunk_interval) %}
  {% call statement('make_hypertable') %}
    select create_hypertable(
      '{{ relation }}', by_range('session_date', interval '{{ chunk_interval }}'), create_default_indexes => false
    )
  {% endcall %}
  {% for constraint in model['constraints'] if constraint['type'] == 'primary_key' %}
    {% for column in constraint['columns'] if column in ('bar_start', 'bar_end', 'timestamp') %}
      {% do run_query("select add_dimension('" ~ relation ~ "', by_range('" ~ column ~ "', interval '" ~ chunk_interval ~ "'))") %}
    {% endfor %}
  {% endfor %}
{% endmacro %}


{#
  Replace the rows of the planned slices by what the model's SQL gives for them. One transaction: a killed build
  leaves the table, and the record of what it has built, as they were.
#}
{% macro rebuild_slices(target_relation, meta, sql, limited_from_outside=false) %}
  {% set plan = plan_build(model.name, meta) %}
  {% if plan['slices'] == 0 %}
    {% if plan['added'] + plan['removed'] > 0 %}{% do finish_build(model.name) %}{% endif %}
    {% call noop_statement('main', 'nothing new', 'SELECT', 0) %}{% endcall %}
    {{ return('') }}
  {% endif %}

  {% do log_slices(model.name) %}
  {% do prepare_for_bulk() %}
  {% set reach = sessions_of_plan(model.name) %}
  {% for rows_of_slice in conditions_of_slices(meta, 'stored') %}
    {% call statement('delete_slices') %}
      delete from {{ target_relation }} as stored
      using {{ planned_slices(meta) }}
      where planned.model = '{{ model.name }}'
        and {{ rows_of_slice }}
        and stored.session_date = planned.session_date
        and stored.session_date between '{{ reach["first"] }}' and '{{ reach["last"] }}'
    {% endcall %}
  {% endfor %}
  {% call statement('main') %}
    insert into {{ target_relation }} ({{ get_quoted_csv(model['columns'].keys()) }})
    select {{ get_quoted_csv(model['columns'].keys()) }} from (
      {{ only_planned_slices(meta, sql, reach) if limited_from_outside else sql }}
    ) as rebuilt
  {% endcall %}
  {% do finish_build(model.name) %}
  {% do analyze_chunks(target_relation, reach) %}
{% endmacro %}


{# The planned slices, as a relation `planned` to join; where rows say a contract and no underlying, the contracts are joined to it. #}
{% macro planned_slices(meta) -%}
{{ record('slices_to_build') }} as planned
{%- if meta['slice_key'] == 'contract_id' %}
inner join {{ relation_of('int_contracts__registered') }} as contracts
  on planned.instrument_type = contracts.instrument_type
  and planned.exchange = contracts.exchange
  and planned.slice_group = contracts.underlying
{%- endif %}
{%- endmacro %}


{#
  How rows belong to a planned slice, beside the session: a list of conditions, one of which holds. Each is an equality, so that rows and
  slices are never compared pair by pair.

  meta: the model's `config.meta`.
  rows: the relation with the rows.
#}
{% macro conditions_of_slices(meta, rows) %}
  {% set slice_key = meta['slice_key'] %}
  {% if slice_key == 'contract_id' %}
    {{ return([rows ~ '.contract_id = contracts.contract_id']) }}
  {% elif slice_key not in ('underlying', 'symbol') %}
    {{ exceptions.raise_compiler_error("slice_key is contract_id, underlying or symbol, not " ~ slice_key) }}
  {% endif %}
  {% set same_exchange = rows ~ ".exchange = planned.exchange and " %}
  {% set conditions = [same_exchange ~ rows ~ "." ~ slice_key ~ " = planned.slice_group"] %}
  {% if slice_key == 'symbol' %}{% do conditions.append(same_exchange ~ "planned.slice_group = '*'") %}{% endif %}
  {{ return(conditions) }}
{% endmacro %}


{# The first and the last session of the planned slices, and the day after it: literals, so that other chunks are never opened. #}
{% macro sessions_of_plan(model_name) %}
  {% set row = run_query("
    select min(session_date)::text as first, max(session_date)::text as last, (max(session_date) + 1)::text as end
    from " ~ record('slices_to_build') ~ " where model = '" ~ model_name ~ "'").rows[0] %}
  {{ return({'first': row['first'], 'last': row['last'], 'end': row['end']}) }}
{% endmacro %}


{#
  Settings of this transaction only. The plan tables have no statistics, so a nested loop over them would read the raw
  table once per slice; hash joins are right for whole slices at any size. Memoize would put every row of the staging
  models' lateral casts through a cache that never hits (2 of 5 seconds per million rows).
#}
{% macro prepare_for_bulk() %}
  {% do run_query("set local enable_nestloop = off") %}
  {% do run_query("set local enable_memoize = off") %}
  {% do run_query("set local hash_mem_multiplier = 1") %}
  {% do run_query("set local work_mem = '" ~ var('build_work_mem', '128MB') ~ "'") %}
  {% do lift_decompression_limit() %}
{% endmacro %}


{#
  Give the planner the statistics of the chunks just written, and bring their BRIN indexes up to date with the new pages; autovacuum would
  come only after the exports have read them.
#}
{% macro analyze_chunks(target_relation, reach) %}
  {% set chunks = run_query("
    select format('%I.%I', chunk_schema, chunk_name)
    from timescaledb_information.chunks
    where hypertable_schema = '" ~ target_relation.schema ~ "' and hypertable_name = '" ~ target_relation.identifier ~ "'
      and range_end > '" ~ reach['first'] ~ " 00:00+00' and range_start < '" ~ reach['end'] ~ " 00:00+00'
    order by range_start desc limit 40").rows %}
  {% for chunk in chunks %}
    {% do run_query("analyze " ~ chunk[0]) %}
    {% do run_query("
      select brin_summarize_new_values(indexrelid)
      from pg_index
      inner join pg_class on pg_class.oid = indexrelid
      inner join pg_am on pg_am.oid = relam
      where indrelid = '" ~ chunk[0] ~ "'::regclass and amname = 'brin'") %}
  {% endfor %}
{% endmacro %}
