{#
  What a generic test reads: of a table of bars or snapshots the sessions that the newest loads touch, of rows as landed the
  newest loads, of everything else all rows. A `where` of the test's own comes on top. See newest_sessions.

  relation: the model or source under test.
#}
{% macro postgres__get_where_subquery(relation) %}
  {%- set conditions = [config.get('where')] | select | list -%}
  {%- if execute -%}
    {%- set columns = (graph.nodes.get(model.attached_node) or {}).get('columns', {}) -%}
    {%- if relation.schema == 'raw' -%}
      {%- do conditions.append(newest_loads('_load_id')) -%}
    {%- elif relation.schema == 'staging' -%}
      {%- do conditions.append(newest_loads()) -%}
    {%- elif 'session_date' in columns and 'bar_start' in columns -%}
      {%- do conditions.append(newest_sessions()) -%}
    {%- elif 'session_date' in columns and 'timestamp' in columns -%}
      {%- do conditions.append(newest_sessions(time_column='timestamp')) -%}
    {%- endif -%}
    {%- if 'roll_rule' in columns and 'underlying' in columns -%}
      {%- do conditions.append(newest_underlyings('future')) -%}
    {%- endif -%}
  {%- endif -%}
  {%- set conditions = conditions | reject('equalto', 'true') | list -%}
  {%- if conditions -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') as under_test') }}
  {%- endif -%}
  {{ return(relation) }}
{% endmacro %}
