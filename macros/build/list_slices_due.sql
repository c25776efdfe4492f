{#
  Marts show the stored Greeks of a slice without a look at its inputs unless enrichment.greeks_due lists the slice. greeks_slices_due says
  exactly which slices are due, from the loads of all slices. That costs too much for a read, so the list is kept: whatever changes the
  inputs of a slice adds the slice in the same transaction, and only the Greeks step and the end of a run take it off. The list may hold a
  slice too many, whose rows are then compared one by one; it never holds one too few
  (docs/decisions/0152-what-is-due-is-kept-as-a-list.md).
#}

{# The models from whose rows the inputs of Greeks are made, each with the shape and the instruments of the rows that it reads. #}
{% macro feeds_of_greeks() %}
  {{ return([
    {'kind': 'minutes', 'stage': 'options', 'shape': 'bars', 'model': 'int_options__quotes_deduped', 'type': 'option'},
    {'kind': 'minutes', 'stage': 'underlying', 'shape': 'bars', 'model': 'int_spot__prices_deduped', 'type': 'index'},
    {'kind': 'minutes', 'stage': 'forwards', 'shape': 'bars', 'model': 'int_forwards__gathered_by_minute', 'type': 'option'},
    {'kind': 'minutes', 'stage': 'futures', 'shape': 'bars', 'model': 'int_forwards__gathered_by_minute', 'type': 'future'},
    {'kind': 'minutes', 'stage': 'hours', 'shape': 'bars', 'model': 'int_options__bars_hourly', 'type': 'option'},
    {'kind': 'minutes', 'stage': 'days', 'shape': 'bars', 'model': 'int_options__bars_daily', 'type': 'option'},
    {'kind': 'official', 'stage': 'options', 'shape': 'contract_days', 'model': 'int_fo_bhavcopy__deduped', 'type': 'option'},
    {'kind': 'official', 'stage': 'forwards', 'shape': 'contract_days', 'model': 'int_forwards__gathered_by_day', 'type': 'option'},
    {'kind': 'official', 'stage': 'futures', 'shape': 'contract_days', 'model': 'int_forwards__gathered_by_day', 'type': 'future'},
    {'kind': 'snapshots', 'stage': 'options', 'shape': 'chain_snapshots', 'model': 'int_options__snapshots_deduped', 'type': 'option'},
    {'kind': 'snapshots', 'stage': 'forwards', 'shape': 'chain_snapshots', 'model': 'int_forwards__gathered_by_snapshot', 'type': 'option'},
  ]) }}
{% endmacro %}


{# The models that give the underlying's price where official rows do not state it, each with its type of instrument. #}
{% macro closes_of_greeks() %}
  {{ return({'int_spot__closes_deduped': 'index', 'int_equities__official_deduped': 'equity'}) }}
{% endmacro %}


{# Coarser bars are made of minutes, and their inputs are those of the minutes. #}
{% macro intervals_of_greeks() %}
  {{ return({'official': ['day'], 'minutes': ['minute', 'hour', 'built day'], 'snapshots': ['snapshot']}) }}
{% endmacro %}


{# If Greeks are computed from the model at work, list the slices that it has planned. #}
{% macro list_planned_slices_as_due(model_name) %}
  {% set kinds = feeds_of_greeks() | selectattr('model', 'equalto', model_name) | map(attribute='kind') | unique | list %}
  {# other closes change the loads of a slice, and only where its rows state no price of the underlying #}
  {% set has_new_rows = kinds | length > 0 %}
  {% if model_name in closes_of_greeks() %}{% do kinds.append('official') %}{% endif %}
  {% for kind in kinds %}
    {% do run_query("
      with
      planned as (select * from " ~ record('slices_to_build') ~ " where model = '" ~ model_name ~ "'),
      options as (select * from " ~ relation_of('int_loads__slices') ~ " where instrument_type = 'option'),
      touched as (
        select options.exchange, options.slice_group, options.session_date
        from planned
        inner join options
          on planned.session_date = options.session_date
          and planned.exchange = options.exchange
          and planned.slice_group = options.slice_group
        union
        select options.exchange, options.slice_group, options.session_date
        from planned
        inner join options on planned.session_date = options.session_date and planned.exchange = options.exchange
        where planned.slice_group = '*'
      )
      insert into " ~ record('greeks_due', 'enrichment') ~ " as due (exchange, underlying, session_date, bar_interval, has_new_rows)
      select touched.exchange, touched.slice_group, touched.session_date, intervals.bar_interval, " ~ has_new_rows ~ "
      from touched
      cross join unnest(array['" ~ intervals_of_greeks()[kind] | join("', '") ~ "']) as intervals (bar_interval)
      order by 1, 2, 3, 4
      on conflict (exchange, underlying, session_date, bar_interval)
      do update set has_new_rows = due.has_new_rows or excluded.has_new_rows, listed_by = excluded.listed_by") %}
  {% endfor %}
{% endmacro %}


{#
  List what is due for a reason other than new rows: changed rules, rates or moments of expiry.

  inputs_have_changed: whether the transaction changed what is due, so that Greeks of what was read before it stay on the list.
  takes_off:           whether what is not due leaves the list.
#}
{% macro list_slices_due(inputs_have_changed=true, takes_off=false) %}
  {% set exactly = view_of_what_is_due() %}
  {% if exactly %}
    {% do run_query("
      with
      exactly as materialized (select exchange, underlying, session_date, bar_interval, has_same_rules from " ~ exactly ~ ")
      " ~ (", taken_off as (
        delete from " ~ record('greeks_due', 'enrichment') ~ "
        where (exchange, underlying, session_date, bar_interval) not in (
          select exactly.exchange, exactly.underlying, exactly.session_date, exactly.bar_interval from exactly
        )
      )" if takes_off else "") ~ "
      insert into " ~ record('greeks_due', 'enrichment') ~ " as due (exchange, underlying, session_date, bar_interval, has_same_rules)
      select exactly.exchange, exactly.underlying, exactly.session_date, exactly.bar_interval, exactly.has_same_rules
      from exactly
      order by 1, 2, 3, 4
      on conflict (exchange, underlying, session_date, bar_interval)
      do update set has_same_rules = excluded.has_same_rules, listed_by = excluded.listed_by
      " ~ ("where due.has_same_rules <> excluded.has_same_rules" if not inputs_have_changed else "")) %}
  {% endif %}
{% endmacro %}


{# At the end of a run, when no model is at work, make the list exactly what is due. #}
{% macro settle_slices_due() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed') %}
    {% do list_slices_due(inputs_have_changed=false, takes_off=true) %}
  {% endif %}
{% endmacro %}


{# This target's greeks_slices_due. None before its first build, and none where --defer reads that of another target, which keeps a list of
   its own. #}
{% macro view_of_what_is_due() %}
  {% if is_deferred('model.' ~ project_name ~ '.greeks_slices_due') %}{{ return(none) }}{% endif %}
  {% set exactly = relation_of('greeks_slices_due') %}
  {{ return(exactly if run_query("select to_regclass('" ~ exactly ~ "') is not null").rows[0][0] else none) }}
{% endmacro %}
