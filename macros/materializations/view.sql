{#
  Replace a view in place. dbt's own materialization renames and drops with CASCADE, which silently takes every view
  above along when one is built by itself; CREATE OR REPLACE keeps them, and is possible as long as the columns that were
  there keep their names, order and types.

  Three quarters of the models are views, so each is one statement that tries, and one look at what came of it: to ask for the columns
  of the old and the new query first would have every view planned three times more.

  config.meta:
    rules_count   true for a view if something outside dbt is computed by its rules: the rules are recorded (rules_of_model)
    says_what_is_due  true for the view that says which slices of Greeks are due: what it says anew is listed at once
#}
{% materialization view, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% if existing is not none and not existing.is_view %}{% do drop_with_what_reads_it(existing) %}{% endif %}
  {% call statement('replace_view') %}
    do $view$
    begin
      {{ create_or_replace_view_statement(target_relation, sql) }};
    exception when invalid_table_definition then
      perform set_config('tickmart.view_to_drop', '{{ target_relation }}', true);
    end
    $view$
  {% endcall %}
  {% set columns = columns_beside_contract(target_relation) %}
  {% if columns['view_to_drop'] == target_relation | string %}
    {% do drop_with_what_reads_it(target_relation) %}
    {% call statement('create_view') %}{{ create_or_replace_view_statement(target_relation, sql) }}{% endcall %}
    {% set columns = columns_beside_contract(target_relation) %}
  {% endif %}
  {% if config.get('contract').enforced and columns['found'] | sort != columns['wanted'] | sort %}
    {# lists the differences, column by column #}
    {% do get_assert_columns_equivalent(sql) %}
  {% endif %}
  {% call noop_statement('main', 'CREATE VIEW', 'CREATE VIEW') %}{{ sql }}{% endcall %}
  {% if config.get('meta', {}).get('rules_count') %}
    {% set rules = rules_of_model(sql) %}
    {# only if the rules differ: a build with nothing new writes nothing #}
    {% if rules != rules_of_last_build() %}
      {% do record_rules(rules) %}
      {% do list_slices_due() %}
    {% endif %}
  {% endif %}
  {% if config.get('meta', {}).get('says_what_is_due') %}{% do list_slices_due(inputs_have_changed=false) %}{% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro create_or_replace_view_statement(relation, sql) %}
  create or replace view {{ relation }} as (
    {{ sql }}
  )
{% endmacro %}


{#
  The columns of a relation and those of the model's contract, each 'name type' in order. They come from the catalog, because to ask a query
  for its columns means to plan it. The view that cannot be replaced in place comes with them, so that one look is enough.
#}
{% macro columns_beside_contract(relation) %}
  {% set row = run_query("
    select
      current_setting('tickmart.view_to_drop', true) as view_to_drop,
      (select string_agg(attname || ' ' || atttypid::regtype, chr(10) order by attnum)
       from pg_attribute where attrelid = '" ~ relation ~ "'::regclass and attnum > 0 and not attisdropped) as found,
      concat_ws(chr(10), null" ~ contracted_columns() ~ ") as wanted").rows[0] %}
  {{ return({
    'view_to_drop': row['view_to_drop'],
    'found': row['found'].split('\n'),
    'wanted': row['wanted'].split('\n'),
  }) }}
{% endmacro %}


{% macro contracted_columns() %}
  {%- for column in model['columns'].values() if column['data_type'] -%}
    , '{{ column["name"] }} ' || '{{ column["data_type"] }}'::regtype
  {%- endfor -%}
{% endmacro %}
