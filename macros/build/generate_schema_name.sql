{# Schemas carry their plain names (staging, intermediate, marts, facts) whatever the target's default schema is. #}
{% macro generate_schema_name(custom_schema_name, node) %}
  {{- return(custom_schema_name | trim if custom_schema_name else target.schema) -}}
{% endmacro %}
