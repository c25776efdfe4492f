{#
  What a generic test reads: from a table of bars or snapshots, the sessions that the newest loads touch; from rows as landed, the newest
  loads; from everything else, all rows. A test's own `where` comes on top. See newest_sessions.

  relation: the model or source under test.
#}
{% macro postgres__get_where_subquery(relation) %}
  {%- set conditions = [config.get('where')] | select | list -%}
  {%- if execute -%}
    {%- set tested = node_under_test() -%}
    {%- set columns = tested.get('columns', {}) -%}
    {%- if relation.schema == 'raw' -%}
      {%- do conditions.append(newest_loads('_load_id')) -%}
    {%- elif tested.get('config', {}).get('schema') == 'staging' -%}
      {%- do conditions.append(newest_loads()) -%}
    {%- elif is_of_sessions(tested) -%}
      {%- do conditions.append(newest_sessions()) -%}
    {%- endif -%}
    {%- if 'roll_rule' in columns and 'underlying' in columns -%}
      {%- do conditions.append(newest_underlyings('future')) -%}
    {%- endif -%}
  {%- endif -%}
  {%- set conditions = conditions | reject('equalto', 'true') | list -%}
  {%- if not conditions -%}
    {{ return(relation) }}
  {%- endif -%}
  {{ return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') as under_test') }}
{% endmacro %}


{# The model or seed that a test is of, as a node; of a source none. #}
{% macro node_under_test() %}
  {{ return((graph.nodes.get(model.attached_node) or {}) if execute else {}) }}
{% endmacro %}


{# Whether a model has rows of bars or snapshots, stored or derived from such rows. #}
{% macro is_of_sessions(tested) %}
  {%- set columns = tested.get('columns', {}) -%}
  {{ return('session_date' in columns and (
    'bar_start' in columns or 'timestamp' in columns or tested.config.materialized in ('hypertable', 'rollup')
    or tested.config.get('meta', {}).get('computed_from_sessions')
  )) }}
{% endmacro %}
