{#
  Drop a relation that cannot be changed in place, with the views above it, all of which come back in this build. Where one
  would not, nothing is dropped and the run says what to build instead.
#}
{% macro drop_with_what_reads_it(relation) %}
  {% do refuse_to_leave_behind(relation) %}
  {% do log(relation.schema ~ "." ~ relation.identifier ~ " is made anew: views above it are dropped and come back with this build", info=True) %}
  {% do adapter.drop_relation(relation) %}
{% endmacro %}


{#
  Stop where a view above a relation would be lost if it were dropped: one of this project that the run does not select, or one
  that somebody has made outside the project. Two kinds of views may go: views in the project's schemas that the project no longer has, and
  views of another target, which come back with its next build. Otherwise a developer's view would hold up the nightly build.
#}
{% macro refuse_to_leave_behind(relation) %}
  {% set schemas, known, selected = [], [], [] %}
  {% for node in graph.nodes.values() if node.resource_type in ('model', 'seed') %}
    {% do schemas.append(node.schema) %}
    {% set name = node.schema ~ '.' ~ node.alias %}
    {% do known.append(name) %}
    {% if node.unique_id in selected_resources %}{% do selected.append(name) %}{% endif %}
  {% endfor %}
  {% set left_behind = [] %}
  {% for row in run_query(views_above(relation)).rows %}
    {% set name = row['schema_name'] ~ '.' ~ row['view_name'] %}
    {% if name not in selected and (name in known or (row['schema_name'] not in schemas and not row['is_of_a_target'])) %}{% do left_behind.append(name) %}{% endif %}
  {% endfor %}
  {% if left_behind %}
    {{ exceptions.raise_compiler_error(
      "the columns of " ~ relation.schema ~ "." ~ relation.identifier ~ " have changed, and making it anew would drop "
      ~ left_behind | join(', ') ~ ", which this run does not make again. Nothing was dropped. Build all with tickmart build, or "
      ~ model.name ~ "+; a view that is not of this project: drop it, and make it again afterwards.") }}
  {% endif %}
{% endmacro %}


{# Every view that reads a relation, at any depth, as a query. #}
{% macro views_above(relation) %}
  with recursive above as (
    select '{{ relation }}'::regclass::oid as relation
    union
    select rules.ev_class
    from above
    inner join pg_depend as uses on uses.refobjid = above.relation and uses.classid = 'pg_rewrite'::regclass
    inner join pg_rewrite as rules on uses.objid = rules.oid
  )
  select
    namespaces.nspname as schema_name,
    classes.relname as view_name,
    {# such as dev_anna_marts beside dev_anna_audit (make_records) #}
    exists (
      select from pg_class as records
      where records.relname = 'built_models' and records.relnamespace = to_regnamespace(
        quote_ident(substring(namespaces.nspname from '^(.+_)(?:staging|intermediate|marts)$') || 'audit')
      )
    ) as is_of_a_target
  from above
  inner join pg_class as classes on above.relation = classes.oid
  inner join pg_namespace as namespaces on classes.relnamespace = namespaces.oid
  where classes.relkind = 'v' and classes.oid <> '{{ relation }}'::regclass
    {# the inner views of continuous aggregates #}
    and namespaces.nspname not like '\_timescaledb%'
  order by 1, 2
{% endmacro %}
