{#
  Create the indexes of the model's config that the table does not have; indexes are compared by their columns. dbt names an index by the
  time of its making, so its own macro would make one more at each call.
#}
{% macro create_missing_indexes(relation) %}
  {% set found = run_query("
    select string_agg(attname, ',' order by place)
    from pg_index
    cross join unnest(indkey::int2[]) with ordinality as keys (attnum, place)
    inner join pg_attribute on attrelid = indrelid and pg_attribute.attnum = keys.attnum
    where indrelid = '" ~ relation ~ "'::regclass
    group by indexrelid").columns[0].values() %}
  {% for index in config.get('indexes', []) if index['columns'] | join(',') not in found %}
    {% do run_query(
      "create " ~ ("unique " if index.get('unique') else "") ~ "index on " ~ relation
      ~ " using " ~ (index.get('type') or 'btree') ~ " (" ~ get_quoted_csv(index['columns']) ~ ")") %}
  {% endfor %}
{% endmacro %}
