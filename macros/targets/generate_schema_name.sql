{# Schemas carry their plain names (staging, intermediate, marts, facts) in the database's own target. Another target puts its name before
   them. #}
{% macro generate_schema_name(custom_schema_name, node) %}
  {{- return(schema_prefix() ~ (custom_schema_name | trim) if custom_schema_name else target.schema) -}}
{% endmacro %}
