{#
  Where this run finds a model: in its own target or, with --defer, in the one that it defers to, by the rule of dbt's ref. It is for
  relations that ref cannot name: those that stand in no model's SQL, or are built after the model at work.

  name: a model of this project.
  node: its node of the graph, where it is at hand: to look it up takes milliseconds.
#}
{% macro relation_of(name, node=none) %}
  {% set id = 'model.' ~ project_name ~ '.' ~ name %}
  {% set node = node or graph.nodes[id] %}
  {% set found = node.defer_relation if is_deferred(id) else node %}
  {{ return(api.Relation.create(database=found.database, schema=found.schema, identifier=found.alias)) }}
{% endmacro %}


{#
  Whether this run reads a model in the target that it defers to: one that it neither builds nor finds in its own.

  id: unique id of a model.
#}
{% macro is_deferred(id) %}
  {% if not is_deferring() or id in selected_resources or not graph.nodes[id].defer_relation %}{{ return(false) }}{% endif %}
  {% set node = graph.nodes[id] %}
  {{ return(invocation_args_dict.get('favor_state') or adapter.get_relation(node.database, node.schema, node.alias) is none) }}
{% endmacro %}


{# Whether this run is to read in another target what it does not find in its own. #}
{% macro is_deferring() %}
  {{ return(invocation_args_dict.get('defer')) }}
{% endmacro %}
