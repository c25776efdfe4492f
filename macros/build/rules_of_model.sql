{#
  A fingerprint of all that decides what a stored model holds, beside the loads: its contract, its SQL, the views that it
  reads (as the server keeps them, so that neither comments nor spaces count), the seeds behind these, and the fingerprints
  of the stored models that it reads. Where it differs from that of the last build, every slice is built again.

  A seed with `evaluates_again` (a calendar, a list of names) grows without changing what it said before. That setting takes up its
  additions, so only a correction of what it said counts here. The same holds for a reference with `corrections_count`. In a reference
  without it, a changed row changes nothing here: its readers follow its rows (rates, sessions).

  sql: the model's compiled SQL.
#}
{% macro rules_of_model(sql) %}
  {% set read = {'view': [], 'seed': [], 'stored': [], 'seen': []} %}
  {% do collect_what_is_read(model['depends_on']['nodes'], read) %}
  {% set own_sql = modules.re.sub('--[^\n]*', '', sql) | replace('"' ~ target.database ~ '".', '') %}
  {% set own = [modules.re.sub('\s+', ' ', own_sql)] %}
  {% for constraint in model['constraints'] %}{% do own.append(constraint['type'] ~ ' ' ~ constraint['columns']) %}{% endfor %}
  {# the settings that say which rows it follows; chunks and policies are not among them. One by one, because dbt keeps settings in no
     order. #}
  {% for name in ['built_from', 'shapes', 'refers_to', 'taken_by_every_shape', 'instrument_types', 'slice_key', 'keeps', 'limited_from_outside'] %}
    {% do own.append(name ~ ' ' ~ config.get('meta', {}).get(name)) %}
  {% endfor %}
  {% for column in model['columns'].values() %}
    {% do own.append(column['name'] ~ ' ' ~ column['data_type'] ~ ' ' ~ (column['constraints'] | map(attribute='type') | join(' '))) %}
  {% endfor %}
  {# a reference is computed at every build: what a seed says shows in the reference's rows, and is not a rule #}
  {% if config.get('materialized') != 'reference' %}
    {% for seed in read['seed'] | sort %}{% do own.append(seed) %}{% endfor %}
  {% endif %}
  {{ return(run_query("
    select md5(concat_ws(
      '|',
      '" ~ local_md5(own | join('|')) ~ "',
      audit.text_of_views(array[" ~ quoted_texts(read['view']) ~ "]::text[]),
      (
        select string_agg(concat_ws(' ', model, rules, corrections), ';' order by model)
        from " ~ records_of_all('built_models') ~ " as built_models where model = any (array[" ~ quoted_texts(read['stored']) ~ "]::text[])
      )
    ))").rows[0][0]) }}
{% endmacro %}


{#
  What a model reads, through views, down to what is stored.

  nodes: unique ids.
  read:  lists that are filled: 'view' (relations), 'seed' (name and checksum), 'stored' (names), 'seen' (ids).
#}
{% macro collect_what_is_read(nodes, read) %}
  {% for id in nodes if id in graph.nodes and id not in read['seen'] %}
    {% do read['seen'].append(id) %}
    {% set node = graph.nodes[id] %}
    {% if node.resource_type == 'seed' %}
      {% if node.config.meta.get('evaluates_again') %}
        {% do read['stored'].append(node.name) %}
      {% else %}
        {% do read['seed'].append(node.name ~ ' ' ~ node.checksum.checksum) %}
      {% endif %}
    {% elif node.resource_type == 'model' and node.config.materialized == 'view' %}
      {% if is_deferred(id) %}{% do refuse_plan_of_another_target(node) %}{% endif %}
      {% set view = relation_of(node.name, node) %}
      {% do read['view'].append(view.schema ~ '.' ~ view.identifier) %}
      {% do collect_what_is_read(node.depends_on.nodes, read) %}
    {% elif node.resource_type == 'model' %}
      {% do read['stored'].append(node.name) %}
    {% endif %}
  {% endfor %}
{% endmacro %}


{#
  Stop where a model would read the view that picks the loads of its plan (loads_to_build with a name) in another target: it would find
  that target's plan, which is empty.
#}
{% macro refuse_plan_of_another_target(view) %}
  {% if "loads_to_build('" in view.raw_code %}
    {{ exceptions.raise_compiler_error(
      model.name ~ " reads " ~ view.name ~ " of the target that is deferred to, which picks the loads of that target's plan. Select both: "
      ~ view.name ~ " " ~ model.name) }}
  {% endif %}
{% endmacro %}


{% macro rules_of_last_build() %}
  {% set rows = run_query("select rules from " ~ record('built_models') ~ " where model = '" ~ model.name ~ "'").rows %}
  {{ return(rows[0][0] if rows | length > 0 else none) }}
{% endmacro %}


{# Record the rules by which this model stands from now on, in the transaction that builds it by them. #}
{% macro record_rules(rules) %}
  {% do run_query("
    insert into " ~ record('built_models') ~ " (model, rules) values ('" ~ model.name ~ "', '" ~ rules ~ "')
    on conflict (model) do update set rules = excluded.rules") %}
{% endmacro %}


{# Let the readers of this seed or reference be built again, because it has corrected what it said before. #}
{% macro record_correction() %}
  {% do run_query("
    insert into " ~ record('built_models') ~ " as built_models (model, rules, corrections) values ('" ~ model.name ~ "', '', 1)
    on conflict (model) do update set corrections = built_models.corrections + 1") %}
{% endmacro %}


{% macro quoted_texts(texts) %}
  {%- for text in texts | sort %}'{{ text }}'{{ ', ' if not loop.last }}{% endfor -%}
{% endmacro %}
