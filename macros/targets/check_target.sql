{#
  Stop a run early if it would go wrong in this target: with --empty on a database that holds rows, or with --defer across two registries of
  numbers.
#}
{% macro check_target() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed', 'test') %}
    {% if flags.EMPTY and not schema_prefix() and run_query("select exists (select from audit.built_loads)").rows[0][0] %}
      {{ exceptions.raise_compiler_error(
        "--empty builds tables without rows, and this target holds rows. Nothing was touched. Use a target with a schema of its own"
        ~ " (profiles.yml.example), or leave --empty out") }}
    {% endif %}
    {% if is_deferring() and flags.WHICH in ('run', 'build') %}{% do refuse_two_registries() %}{% endif %}
  {% endif %}
{% endmacro %}


{#
  Contracts and instruments have numbers, which each target gives out for itself. A target that has numbered them cannot read rows
  that carry the numbers of another one.
#}
{% macro refuse_two_registries() %}
  {% for name in ('int_contracts__registered', 'int_instruments__registered') %}
    {% set registry = 'model.' ~ project_name ~ '.' ~ name %}
    {% if not is_deferred(registry) %}
      {% set numbered = [registry] + ids_built_from(registry) %}
      {% for id in selected_resources if id in numbered and id != registry %}
        {% for parent in graph.nodes[id].depends_on.nodes if parent in numbered and is_deferred(parent) %}
          {{ exceptions.raise_compiler_error(
            graph.nodes[id].name ~ " would read " ~ graph.nodes[parent].name ~ " of the target that is deferred to, whose contracts have"
            ~ " other numbers than those that " ~ target.schema ~ " has given out. Nothing was built. Select " ~ name ~ "+, or drop what "
            ~ target.schema ~ " has: dbt run-operation drop_target --target " ~ target.name) }}
        {% endfor %}
      {% endfor %}
    {% endif %}
  {% endfor %}
{% endmacro %}
