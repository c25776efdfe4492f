{#
  dbt warns of every `numeric` without precision in a contract, for servers where that means whole numbers. PostgreSQL's plain
  numeric keeps each value as it is, which is why prices are declared so; this warning would bury the warnings that matter.
#}
{% macro postgres__get_empty_schema_sql(columns) %}
  select
  {% for name, column in columns.items() %}
    {% if column['data_type'] is not defined %}{{ exceptions.column_type_missing(column_names=[name]) }}{% endif %}
    {{ cast('null', column['data_type']) }} as {{ name }}{{ ", " if not loop.last }}
  {% endfor %}
{% endmacro %}
