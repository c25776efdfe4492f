{#
  What a build keeps beside its models: what each has built and by which rules, and its plan while it works. Each target has its own
  records, so that no target takes another's builds for its own.

  record: the name of this target's own table, for materializations.
#}
{% macro record(table, schema_name='audit') %}
  {{- return(schema_prefix() ~ schema_name ~ '.' ~ table) -}}
{% endmacro %}


{#
  The same, or a table of the Greeks step, for use in the SQL of models, where dbt has to know what they read.

  source_name, table: as in source().
#}
{% macro own_table(source_name, table) %}
  {%- set own = source(source_name, table) -%}
  {#- a unit test gives the rows itself -#}
  {{- return(own if not execute or model.resource_type == 'unit_test' else own.replace_path(schema=schema_prefix() ~ source_name)) -}}
{% endmacro %}


{#
  The records of all models, each from the target in which this run finds the model: the other target built the deferred models, and only
  its records say from which loads.
#}
{% macro records_of_all(table) %}
  {%- set own = own_table('audit', table) -%}
  {%- if not execute or not is_deferring() or model.resource_type == 'unit_test' -%}{{ return(own) }}{%- endif -%}
  {%- set deferred, theirs = [], [] -%}
  {%- for id, node in graph.nodes.items() if node.resource_type == 'model' and is_deferred(id) -%}
    {%- do deferred.append("'" ~ node.name ~ "'") -%}
    {%- set prefix = node.defer_relation.schema[:(node.defer_relation.schema | length) - (node.config.schema | length)] -%}
    {%- do theirs.append(own.replace_path(schema=prefix ~ 'audit')) -%}
  {%- endfor -%}
  {%- if not deferred -%}{{ return(own) }}{%- endif -%}
  {%- set names = deferred | sort | join(', ') -%}
  {{- return(
    '(select * from ' ~ own ~ ' where model not in (' ~ names ~ ')'
    ~ ' union all select * from ' ~ theirs[0] ~ ' where model in (' ~ names ~ '))'
  ) -}}
{% endmacro %}


{#
  A table of the Greeks step. Its rows name contracts by their number, and another target gives that number to another contract. So the rows
  are taken from the target whose greeks_slices_due says which of them are due.
#}
{% macro computed(table) %}
  {%- set computed = source('enrichment', table) -%}
  {%- if execute and model.resource_type == 'unit_test' -%}{{ return(computed) }}{%- endif -%}
  {%- set due = ref('greeks_slices_due') -%}
  {%- if not execute -%}{{ return(computed) }}{%- endif -%}
  {{- return(computed.replace_path(schema=modules.re.sub('intermediate$', 'enrichment', due.schema))) -}}
{% endmacro %}
