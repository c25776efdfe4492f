{#
  What a generic test reads: from a table of bars or snapshots, the sessions that the newest loads touch; from rows as landed, the newest
  loads; from everything else, all rows. A test's own `where` comes on top. See newest_sessions.

  relation: the model or source under test.
#}
{% macro postgres__get_where_subquery(relation) %}
  {%- set conditions = [config.get('where')] | select | list -%}
  {%- if execute -%}
    {%- set tested = graph.nodes.get(model.attached_node) or {} -%}
    {%- set columns = tested.get('columns', {}) -%}
    {%- if relation.schema == 'raw' -%}
      {%- do conditions.append(newest_loads('_load_id')) -%}
    {%- elif tested.get('config', {}).get('schema') == 'staging' -%}
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
  {%- if not conditions -%}
    {{ return(relation) }}
  {%- endif -%}
  {%- set rows = 'select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') -%}
  {%- if execute and flags.WHICH in ('build', 'test') and tested.get('config', {}).get('meta', {}).get('tests_share_rows') -%}
    {{ return(shared_rows(rows)) }}
  {%- endif -%}
  {{ return('(' ~ rows ~ ') as under_test') }}
{% endmacro %}


{#
  A temporary table with the rows of a query, read by all tests on this connection that ask for the same rows. A view of many views takes
  longer to plan than to read, and has a handful of tests; `tests_share_rows` in its config.meta asks for this. Not used where whole tables
  are tested.

  rows: the query.
#}
{% macro shared_rows(rows) %}
  {%- if var('test_whole_tables', false) -%}{{ return('(' ~ rows ~ ') as under_test') }}{%- endif -%}
  {%- set name = 'under_test_' ~ local_md5(rows) -%}
  {%- if run_query("select to_regclass('pg_temp." ~ name ~ "') is null").rows[0][0] -%}
    {%- call statement('share_rows') -%}create temporary table {{ name }} as {{ rows }}{%- endcall -%}
    {#- else it would go with the end of this test -#}
    {%- do adapter.commit() -%}
  {%- endif -%}
  {{ return('pg_temp.' ~ name) }}
{% endmacro %}
