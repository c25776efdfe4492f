{# The tables that files land in, in the order of their names: every declared source in the schema `raw`. #}
{% macro raw_tables() %}
  {% set names = [] %}
  {% if execute %}
    {% for node in graph.sources.values() if node.schema == 'raw' %}
      {% do names.append(node.schema ~ '.' ~ node.identifier) %}
    {% endfor %}
  {% endif %}
  {{ return(names | sort) }}
{% endmacro %}
