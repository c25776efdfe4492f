{#
  All nodes that a node is built after.

  above: 'ahead', ids of those that it depends on, which are used up; 'ids', a list that is filled.
#}
{% macro collect_what_is_above(above) %}
  {% for id in above['ahead'] if id not in above['ids'] %}
    {% do above['ids'].append(id) %}
    {% if id in graph.nodes %}
      {% do collect_what_is_above({'ids': above['ids'], 'ahead': graph.nodes[id].depends_on.nodes}) %}
    {% endif %}
  {% endfor %}
{% endmacro %}
