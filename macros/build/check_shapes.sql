{#
  Stop a build before it begins if rows have landed that no staging view takes: they would appear in no mart, and nothing would say so. Each
  current load's raw table needs a line in the list of shapes (macros/domain/shapes.sql).
#}
{% macro check_shapes() %}
  {% if execute and flags.WHICH in ('run', 'build') %}
    {% set left_out = run_query("
      select min(load_id) as load_id, max(source) as source, raw_table, count(*) as loads, sum(rows) as rows
      from audit.current_loads
      where rows > 0 and (raw_table is null or raw_table not in (" ~ raw_tables_of(shape_names()) ~ "))
      group by raw_table
      order by min(load_id)
      limit 1").rows %}
    {% for row in left_out %}
      {{ exceptions.raise_compiler_error(
        "load " ~ row['load_id'] ~ " of " ~ row['source'] ~ (" and " ~ (row['loads'] - 1) ~ " more" if row['loads'] > 1 else "")
        ~ " landed " ~ row['rows'] ~ " row(s) in " ~ row['raw_table'] ~ ", and the list of shapes has no line for that table: they would stand"
        ~ " in no mart. Nothing was built. Add to macros/domain/shapes.sql the raw table, its staging view and their shape ("
        ~ shape_names() | join(", ") ~ "), or take the load back: tickmart unload " ~ row['load_id']) }}
    {% endfor %}
  {% endif %}
{% endmacro %}
