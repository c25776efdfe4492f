{#
  Work out, inside the model's transaction, which loads are new to this model, which are gone, and which slices
  (instrument type, exchange, group, session date) they touch; write the answer to the target's loads_to_build
  and slices_to_build, where the model's SQL reads it. Nothing is written when nothing has changed.

  The group is what changes together: an underlying with its contracts, an index, a share. A file of a whole market has the group `*`,
  which meets every group of its exchange and session: such a file rebuilds all of them, and one symbol's file rebuilds that symbol alone.

  Which loads a model has built is a table, never a watermark: a load that commits late, a restated file (its earlier
  load is no longer current) and an unloaded file all show up as a difference of two sets.

  model_name: the model, as it stands in the target's built_loads.
  settings:   the model's `config.meta`:
    built_from     'ledger' (every load that counts today), 'slices' (those of them whose slices are recorded; a restated
                   file's earlier load stays until its newer one is) or a list of models, whose built loads are followed: a
                   load counts when each of these models that it concerns, one per instrument type, has built it
    shapes         with 'ledger' and 'slices': the shapes whose rows it takes (macros/domain/shapes.sql); it follows the loads whose raw
                   tables have such rows. Default: every load.
    refers_to      with 'slices': shapes whose rows say something about the same slices, such as the lot. They are followed where a load of
                   `shapes` has a slice, and nowhere else. A model that follows such a model states the same shapes.
    taken_by_every_shape  with 'slices': whether a load counts only when every shape that is listed for its raw table has taken it
    instrument_types  follow only loads that touch slices of these types, and only those slices

  Returns {'added': n, 'removed': n, 'slices': n}; with --empty there is nothing to build, and nothing is recorded as built.
#}
{% macro plan_build(model_name, settings) %}
  {% if flags.EMPTY %}{{ return({'added': 0, 'removed': 0, 'slices': 0}) }}{% endif %}
  {% set types = settings.get('instrument_types') %}
  {% set own_tables = raw_tables_of(settings.get('shapes', [])) %}
  {% set followed_tables = raw_tables_of(settings.get('shapes', []) + settings.get('refers_to', [])) %}
  {% set slices = relation_of('int_loads__slices') %}

  {% set available %}
    {% if settings['built_from'] == 'ledger' %}
      select load_id from audit.current_loads {% if own_tables %} where raw_table in ({{ own_tables }}) {% endif %}
    {% elif settings['built_from'] == 'slices' %}
      with sliced_loads as (
        select loads.*
        from audit.loads
        inner join {{ records_of_all('built_loads') }} as sliced on sliced.model = 'int_loads__slices' and loads.load_id = sliced.load_id
        where loads.unloaded_at is null
      )
      select newest.load_id
      from (
        select loads.load_id, loads.raw_table
        from sliced_loads as loads
        where not exists (
            {# a whole file that came later and whose slices are known #}
            select from sliced_loads as later
            where later.source = loads.source and later.dataset = loads.dataset and later.uri = loads.uri
              and later.load_id > coalesce(loads.continues_load_id, loads.load_id)
              and later.continues_load_id is null
          )
          and (
            loads.continues_load_id is null
            or loads.continues_load_id in (select whole.load_id from sliced_loads as whole)
          )
      ) as newest
      where {{ 'newest.raw_table in (' ~ followed_tables ~ ')' if followed_tables else 'true' }}
      {% if settings.get('taken_by_every_shape') %}and {{ taken_by_every_shape('newest') }}{% endif %}
      {% if settings.get('refers_to') %}
        and (
          newest.raw_table in ({{ own_tables }})
          or newest.load_id in (
            select referred.load_id
            from audit.current_loads as own_loads
            inner join {{ slices }} as own on own_loads.load_id = own.load_id
            inner join {{ slices }} as referred
              on {{ slices_meet('own', 'referred') }}
            where own_loads.raw_table in ({{ own_tables }})
          )
        )
      {% endif %}
    {% else %}
      select built.load_id from {{ records_of_all('built_loads') }} as built
      where built.model in ('{{ settings["built_from"] | join("', '") }}')
      {% if settings['built_from'] | length > 1 %}
        group by built.load_id
        having count(*) = (
          select count(distinct touched.instrument_type) from {{ slices }} as touched
          where touched.load_id = built.load_id and touched.instrument_type in ('{{ types | join("', '") }}')
        )
      {% endif %}
    {% endif %}
  {% endset %}

  {% call statement('plan_loads') %}
    insert into {{ record('loads_to_build') }} (model, load_id, change)
    with
    available as (
      select load_id from ({{ available }}) as followed
      {% if types %}
        where exists (
          select 1 from {{ slices }} as touched
          where touched.load_id = followed.load_id and touched.instrument_type in ('{{ types | join("', '") }}')
        )
      {% endif %}
    ),

    built as (select load_id from {{ record('built_loads') }} where model = '{{ model_name }}')

    select
      '{{ model_name }}',
      load_id,
      case when built.load_id is null then 'added' else 'removed' end
    from available
    full join built using (load_id)
    where available.load_id is null or built.load_id is null
  {% endcall %}

  {% set counts = run_query("
    select
      count(*) filter (where change = 'added') as added,
      count(*) filter (where change = 'removed') as removed
    from " ~ record('loads_to_build') ~ " where model = '" ~ model_name ~ "'").rows[0] %}
  {% set plan = {'added': counts['added'], 'removed': counts['removed'], 'slices': 0} %}

  {% set by_slice = settings.get('slice_key') or settings.get('keeps') == 'current loads' %}
  {% if by_slice and counts['added'] + counts['removed'] > 0 %}
    {% call statement('plan_slices') %}
      insert into {{ record('slices_to_build') }} (model, instrument_type, exchange, slice_group, session_date)
      with
      touched_slices as (
        select distinct touched.instrument_type, touched.exchange, touched.slice_group, touched.session_date
        from {{ slices }} as touched
        inner join {{ record('loads_to_build') }} as changed on touched.load_id = changed.load_id
        where changed.model = '{{ model_name }}'
          {% if types %} and touched.instrument_type in ('{{ types | join("', '") }}') {% endif %}
          {% if settings.get('refers_to') %}
            and exists (
              select 1
              from {{ slices }} as own
              inner join audit.loads on own.load_id = loads.load_id
              where loads.raw_table in ({{ own_tables }}) and {{ slices_meet('own', 'touched') }}
            )
          {% endif %}
      )
      select '{{ model_name }}', instrument_type, exchange, slice_group, session_date
      from touched_slices
      {# a session is planned whole or by its groups, so that no row belongs to two planned slices #}
      where slice_group = '*' or (instrument_type, exchange, session_date) not in (
        select whole.instrument_type, whole.exchange, whole.session_date from touched_slices as whole where whole.slice_group = '*'
      )
    {% endcall %}
    {# loads already built that share a slice with a changed one: their rows take part again #}
    {% call statement('plan_kept_loads') %}
      insert into {{ record('loads_to_build') }} (model, load_id, change, first_line, last_line)
      with
      {# joined by session first, and by group with an equality: otherwise every group would be paired with every other #}
      planned_sessions as (
        select instrument_type, exchange, session_date, bool_or(slice_group = '*') as is_whole
        from {{ record('slices_to_build') }}
        where model = '{{ model_name }}'
        group by instrument_type, exchange, session_date
      )
      select
        '{{ model_name }}',
        touched.load_id,
        'kept',
        {# if a slice was recorded without its lines, the whole load is read #}
        case when bool_and(touched.last_line is not null) then min(touched.first_line) end,
        case when bool_and(touched.last_line is not null) then max(touched.last_line) end
      from {{ slices }} as touched
      inner join planned_sessions
        on touched.instrument_type = planned_sessions.instrument_type
        and touched.exchange = planned_sessions.exchange
        and touched.session_date = planned_sessions.session_date
      left join {{ record('slices_to_build') }} as planned
        on planned.model = '{{ model_name }}'
        and touched.instrument_type = planned.instrument_type
        and touched.exchange = planned.exchange
        and touched.slice_group = planned.slice_group
        and touched.session_date = planned.session_date
      where (planned_sessions.is_whole or touched.slice_group = '*' or planned.slice_group is not null)
        and touched.load_id in (select load_id from {{ record('built_loads') }} where model = '{{ model_name }}')
        and touched.load_id not in (select load_id from {{ record('loads_to_build') }} where model = '{{ model_name }}')
      group by touched.load_id
    {% endcall %}
    {% set slices_planned = run_query("
      select count(*) from " ~ record('slices_to_build') ~ " where model = '" ~ model_name ~ "'").rows[0][0] %}
    {% do plan.update({'slices': slices_planned}) %}
  {% endif %}

  {{ return(plan) }}
{% endmacro %}


{# Record what the plan has done and clear the plan, in the same transaction as the rows themselves. #}
{% macro finish_build(model_name) %}
  {% do list_planned_slices_as_due(model_name) %}
  {% call statement('finish_build') %}
    delete from {{ record('built_loads') }} as built
    using {{ record('loads_to_build') }} as planned
    where planned.model = '{{ model_name }}' and planned.change = 'removed'
      and built.model = planned.model and built.load_id = planned.load_id;
    insert into {{ record('built_loads') }} (model, load_id)
    select model, load_id from {{ record('loads_to_build') }} where model = '{{ model_name }}' and change = 'added';
    delete from {{ record('loads_to_build') }} where model = '{{ model_name }}';
    delete from {{ record('slices_to_build') }} where model = '{{ model_name }}';
  {% endcall %}
{% endmacro %}


{# Name the slices of the plan in the log, the first few in full: a user wants to see what a restated file rebuilt. #}
{% macro log_slices(model_name) %}
  {% set rows = run_query("
    select format('%s %s %s', case when slice_group = '*' then exchange else slice_group end, instrument_type, session_date)
    from " ~ record('slices_to_build') ~ " where model = '" ~ model_name ~ "' order by session_date, slice_group, exchange, instrument_type").rows %}
  {% set names = rows[:8] | map(attribute=0) | join(', ') %}
  {% do log(model_name ~ " rebuilds " ~ rows | length ~ " slice(s): " ~ names ~ (", …" if rows | length > 8 else ""), info=True) %}
{% endmacro %}


{#
  Whether two slices have rows in common: a condition on two relations with the columns of a slice.

  ours, others: their names.
#}
{% macro slices_meet(ours, others) -%}
{{ ours }}.instrument_type = {{ others }}.instrument_type
and {{ ours }}.exchange = {{ others }}.exchange
and {{ ours }}.session_date = {{ others }}.session_date
and ({{ ours }}.slice_group = {{ others }}.slice_group or '*' in ({{ ours }}.slice_group, {{ others }}.slice_group))
{%- endmacro %}
