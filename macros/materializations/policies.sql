{#
  Let TimescaleDB's Community edition compress, drop and refresh as configured: every build compares the policies that exist with those that
  are wanted, and sets only what differs. Nothing happens on the Apache edition, which has no policies, nor in a target with a schema of its
  own, which comes and goes.

  relation: a hypertable or a continuous aggregate.
  name:     the table's name in var('policies').
  meta:     the settings in the table's own model, which var('policies') may override:
    compress_after  age from which chunks are compressed (default var('compress_after'); 'never': not at all)
    segment_by      columns that the rows of a compressed batch have in common (default: slice_key)
    order_by        the order of its rows (default: by session and start)
    drop_after      age from which chunks are dropped (default 'never')
  is_rollup: whether it is a continuous aggregate, which gets a refresh policy (var('rollup_refresh_every') and the two below it).
#}
{% macro follow_policies(relation, name, meta, is_rollup=false) %}
  {% if timescale_edition() != 'community' or schema_prefix() %}{{ return('') }}{% endif %}
  {% set own = var('policies').get(name, {}) %}
  {% for setting in own if setting not in ('compress_after', 'segment_by', 'order_by', 'drop_after') %}
    {{ exceptions.raise_compiler_error(
      "policies of " ~ name ~ ": there is no " ~ setting ~ "; there are compress_after, segment_by, order_by and drop_after") }}
  {% endfor %}
  {% set wanted = {
    'compress_after': var('compress_after'),
    'segment_by': meta['slice_key'],
    'order_by': 'session_date, bar_start' if 'bar_start' in model['columns'] else 'session_date',
    'drop_after': 'never',
  } %}
  {% for setting in wanted.keys() | list %}
    {% do wanted.update({setting: own.get(setting, meta.get(setting, wanted[setting]))}) %}
  {% endfor %}
  {% set refresh_every = var('rollup_refresh_every') if is_rollup else 'never' %}
  {% set refreshed = dict.fromkeys(['from', 'to'], 'null::interval') %}
  {% if refresh_every != 'never' %}
    {% set refreshed = {'from': interval_or_null(var('rollup_refresh_from') ~ ' days'), 'to': interval_or_null(var('rollup_refresh_to') ~ ' days')} %}
  {% endif %}

  {# TimescaleDB 2.19 shows a job of a continuous aggregate with the table that stores it, later versions with its name #}
  {% set due = run_query("
    with
    relation as (
      select
        case
          when materialization_hypertable_name is null then wanted.name
          else format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass
        end as stored,
        wanted.name::text,
        case when materialization_hypertable_name is null then 'table' else 'materialized view' end as kind,
        pg_has_role(relowner, 'usage') as is_ours,
        " ~ interval_or_null(wanted['compress_after']) ~ " as compress_after,
        " ~ interval_or_null(wanted['drop_after']) ~ " as drop_after,
        " ~ interval_or_null(refresh_every) ~ " as refresh_every,
        " ~ refreshed['from'] ~ " as refresh_from,
        " ~ refreshed['to'] ~ " as refresh_to,
        " ~ as_server_writes(wanted['segment_by']) ~ " as segment_by,
        " ~ as_server_writes(wanted['order_by']) ~ " as order_by
      from (values ('" ~ relation ~ "'::regclass)) as wanted (name)
      inner join pg_class on pg_class.oid = wanted.name
      left join timescaledb_information.continuous_aggregates
        on format('%I.%I', view_schema, view_name)::regclass = wanted.name
    ),

    found as (
      select
        max((config ->> 'compress_after')::interval) filter (where proc_name = 'policy_compression') as compress_after,
        max((config ->> 'drop_after')::interval) filter (where proc_name = 'policy_retention') as drop_after,
        max(schedule_interval) filter (where proc_name = 'policy_refresh_continuous_aggregate') as refresh_every,
        max((config ->> 'start_offset')::interval) filter (where proc_name = 'policy_refresh_continuous_aggregate') as refresh_from,
        max((config ->> 'end_offset')::interval) filter (where proc_name = 'policy_refresh_continuous_aggregate') as refresh_to
      from timescaledb_information.jobs
      cross join relation
      where (hypertable_schema = '" ~ relation.schema ~ "' and hypertable_name = '" ~ relation.identifier ~ "')
        or hypertable_schema || '.' || hypertable_name = relation.stored::text
    ),

    compression as (
      select
        lower(replace(settings.segmentby, '\"', '')) as segment_by,
        lower(replace(settings.orderby, '\"', '')) as order_by
      from timescaledb_information.hypertable_compression_settings as settings
      inner join relation on settings.hypertable = relation.stored
    )

    select relation.is_ours, statements.text
    from relation
    cross join found
    left join compression on true
    cross join lateral (
      values
        (
          1, relation.compress_after is distinct from found.compress_after and found.compress_after is not null,
          format('select remove_compression_policy(%L)', relation.name)
        ),
        (
          2, relation.compress_after is not null
            and (compression.segment_by, compression.order_by) is distinct from (relation.segment_by, relation.order_by),
          format(
            'alter %s %s set (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
            relation.kind, relation.name, relation.segment_by, relation.order_by
          )
        ),
        (
          3, (relation.refresh_every, relation.refresh_from, relation.refresh_to)
            is distinct from (found.refresh_every, found.refresh_from, found.refresh_to) and found.refresh_every is not null,
          format('select remove_continuous_aggregate_policy(%L)', relation.name)
        ),
        (
          4, (relation.refresh_every, relation.refresh_from, relation.refresh_to)
            is distinct from (found.refresh_every, found.refresh_from, found.refresh_to) and relation.refresh_every is not null,
          format(
            'select add_continuous_aggregate_policy(%L, interval %L, interval %L, interval %L)',
            relation.name, relation.refresh_from, relation.refresh_to, relation.refresh_every
          )
        ),
        (
          5, relation.compress_after is distinct from found.compress_after and relation.compress_after is not null,
          format('select add_compression_policy(%L, interval %L)', relation.name, relation.compress_after)
        ),
        (
          6, relation.drop_after is distinct from found.drop_after and found.drop_after is not null,
          format('select remove_retention_policy(%L)', relation.name)
        ),
        (
          7, relation.drop_after is distinct from found.drop_after and relation.drop_after is not null,
          format('select add_retention_policy(%L, interval %L)', relation.name, relation.drop_after)
        )
    ) as statements (place, is_due, text)
    where statements.is_due
    order by statements.place").rows %}

  {% for statement in due %}
    {% if statement['is_ours'] %}
      {% do run_query(statement['text']) %}
    {% endif %}
  {% endfor %}
  {% if due | length > 0 and not due[0]['is_ours'] %}
    {% do exceptions.warn("the policies of " ~ name ~ " are not those configured, and its owner alone may set them: let the owner build") %}
  {% endif %}
{% endmacro %}


{# Columns as TimescaleDB's view shows them, in lower case and without quotes; none where there are none. #}
{% macro as_server_writes(columns) %}
  {%- set written = modules.re.sub('\s*,\s*', ',', (columns or '') | trim | lower | replace('"', '')) -%}
  {%- set written = modules.re.sub('\s+', ' ', written) | replace(' asc', '') -%}
  {{- return("'" ~ written ~ "'" if written else "null::text") -}}
{% endmacro %}


{% macro interval_or_null(text) %}
  {{- return('null::interval' if text == 'never' else "interval '" ~ text ~ "'") -}}
{% endmacro %}


{# The policies of the Greeks' tables. These tables are sources to dbt: Python makes them and fills them. #}
{% macro follow_policies_of_greeks() %}
  {% if execute and flags.WHICH in ('run', 'build') %}
    {% for table in graph.sources.values() if table.name in ('option_greeks', 'option_greeks_coarse') %}
      {% do follow_policies(own_table('enrichment', table.name), table.name, table.config.meta) %}
    {% endfor %}
  {% endif %}
{% endmacro %}


{# Lift, for this session, the limit on the rows that a statement may decompress: a restated day may lie in compressed chunks. #}
{% macro lift_decompression_limit() %}
  {% if timescale_edition() == 'community' %}
    {% do run_query("set timescaledb.max_tuples_decompressed_per_dml_transaction = 0") %}
  {% endif %}
{% endmacro %}


{#
  Refresh a continuous aggregate while somebody else, a policy or a person, may be refreshing it: TimescaleDB refuses to refresh what is
  being refreshed. So this waits until nobody refreshes it, and goes on in the same call and in one pass: if a refresh ran in several
  batches, others could begin one between two of them. Refreshes announce themselves under a lock. Where the user may take that lock, nobody
  can begin a refresh between the look and this one.
#}
{% macro refresh_aggregate(relation, reach) %}
  {% set announced = '_timescaledb_catalog.continuous_aggs_jobs_refresh_ranges' %}
  {% set others %}
    from {{ announced }} as refreshes
    inner join _timescaledb_catalog.continuous_agg as aggregates on refreshes.materialization_id = aggregates.mat_hypertable_id
    inner join pg_stat_activity as activity on refreshes.pid = activity.pid
    where aggregates.user_view_schema = '{{ relation.schema }}' and aggregates.user_view_name = '{{ relation.identifier }}'
      and activity.pid <> pg_backend_pid()
  {% endset %}
  {% set server = run_query("
    select
      to_regclass('" ~ announced ~ "') is not null as refuses,
      coalesce(has_table_privilege(to_regclass('" ~ announced ~ "'), 'update'), false) as may_lock,
      exists (
        select 1 from pg_proc where proname = 'refresh_continuous_aggregate' and 'options' = any(proargnames)
      ) as batches").rows[0] %}
  {% if server['refuses'] %}
    {% set at_work = run_query("select format('process %s (%s)', activity.pid, activity.application_name) " ~ others).columns[0].values() %}
    {% if at_work %}{% do log(relation.identifier ~ " waits for its refresh by " ~ at_work | join(', '), info=True) %}{% endif %}
  {% endif %}
  {% call statement('main', auto_begin=False) %}
    do $refresh$
    begin
      {% if server['refuses'] %}
      loop
        {% if server['may_lock'] %}lock table {{ announced }} in share update exclusive mode;{% endif %}
        exit when not exists (select 1 {{ others }});
        commit;
        perform pg_sleep(0.1);
      end loop;
      {% endif %}
      call refresh_continuous_aggregate(
        '{{ relation }}', date '{{ reach["first"] }}', date '{{ reach["end"] }}'
        {%- if server['batches'] %}, options => '{"buckets_per_batch": 0}'{% endif %}
      );
    end
    $refresh$
  {% endcall %}
{% endmacro %}
