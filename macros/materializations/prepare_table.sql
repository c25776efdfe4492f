{#
  Make the table of a contract, or make the existing table fit the contract. Returns true if the table was made now.

  Another set of rules (see rules_of_model), or a full refresh, empties the table and forgets what it has built, so that this
  build makes all of it again. Columns that came at the end are added, so that nothing above is dropped; for any other change
  the table is made anew. A table that keeps everything (ids must outlive what brought them) is never emptied: its rows are
  carried over, and what the current loads say is read again.
#}
{% macro prepare_table(target_relation, sql) %}
  {% set existing = load_cached_relation(this) %}
  {% set keeps_rows = config.get('meta', {}).get('keeps') == 'everything' %}
  {% if existing is not none and not existing.is_table %}
    {% do drop_with_what_reads_it(existing) %}
    {% set existing = none %}
  {% endif %}

  {% set is_new = existing is none %}
  {% if is_new %}
    {% do create_contracted_table(target_relation) %}
  {% else %}
    {% set fit = fit_of_table(existing) %}
    {% if fit == 'extends' %}
      {% do add_contracted_columns(existing) %}
    {% elif fit == 'differs' and keeps_rows %}
      {% do carry_rows_over(existing) %}
    {% elif fit == 'differs' %}
      {% do drop_with_what_reads_it(existing) %}
      {% do create_contracted_table(target_relation) %}
      {% set is_new = true %}
    {% endif %}
  {% endif %}

  {# after the table: a model may read itself #}
  {% do get_assert_columns_equivalent(sql) %}
  {% set rules, rules_before = rules_of_model(sql), rules_of_last_build() %}
  {# with --empty the table stays as it is: the next build finds that the rules differ #}
  {% if is_new or (not flags.EMPTY and (rules != rules_before or should_full_refresh())) %}
    {% if not is_new %}
      {% if rules != rules_before and config.get('materialized') in ('hypertable', 'rollup') %}
        {% do log(model.name ~ " was built by other rules: all of it is built again", info=True) %}
      {% endif %}
      {% if not keeps_rows and config.get('materialized') != 'reference' %}{% do run_query("truncate table " ~ target_relation) %}{% endif %}
      {% do create_missing_indexes(target_relation) %}
    {% endif %}
    {# a new table has built nothing, whatever an earlier table of its name had built #}
    {% do run_query("delete from " ~ record('built_loads') ~ " where model = '" ~ model.name ~ "'") %}
    {% do record_rules(rules) %}
  {% endif %}
  {{ return(is_new) }}
{% endmacro %}


{% macro create_contracted_table(relation) %}
  {% call statement('create_table') %}
    create table {{ relation }} {{ get_table_columns_and_constraints() }}
  {% endcall %}
{% endmacro %}


{#
  How the existing table fits the contract, from the catalog: 'same' (columns by name, type and order, the primary key, and the column by which
  a hypertable is partitioned first), 'extends' (the contract has more columns, all after the existing ones, and no new column must have a value)
  or 'differs'.
#}
{% macro fit_of_table(existing) %}
  {% if run_query("
    select count(*) from timescaledb_information.dimensions
    where hypertable_schema = '" ~ existing.schema ~ "' and hypertable_name = '" ~ existing.identifier ~ "'
      and dimension_number = 1 and column_name <> 'session_date'").rows[0][0] > 0 %}
    {{ return('differs') }}
  {% endif %}
  {% set columns = columns_beside_contract(existing) %}
  {% set found, wanted = columns['found'], columns['wanted'] %}
  {% set key_found = run_query("
    select string_agg(attname, ',' order by attname)
    from pg_constraint
    inner join pg_attribute on attrelid = conrelid and attnum = any (conkey)
    where conrelid = '" ~ existing ~ "'::regclass and contype = 'p'").rows[0][0] %}
  {% set key_wanted = [] %}
  {% for constraint in model['constraints'] if constraint['type'] == 'primary_key' %}
    {% for name in constraint['columns'] %}{% do key_wanted.append(name) %}{% endfor %}
  {% endfor %}
  {% if (key_found or '') != key_wanted | sort | join(',') %}{{ return('differs') }}{% endif %}
  {% if found == wanted %}{{ return('same') }}{% endif %}
  {% if found != wanted[:found | length] %}{{ return('differs') }}{% endif %}
  {% for column in (model['columns'].values() | list)[found | length:] %}
    {% for constraint in column['constraints'] if constraint['type'] == 'not_null' %}{{ return('differs') }}{% endfor %}
  {% endfor %}
  {{ return('extends') }}
{% endmacro %}


{% macro add_contracted_columns(existing) %}
  {% set found = columns_beside_contract(existing)['found'] | length %}
  {% for column in (model['columns'].values() | list)[found:] %}
    {% do run_query("alter table " ~ existing ~ " add column " ~ adapter.quote(column['name']) ~ " " ~ column['data_type']) %}
  {% endfor %}
{% endmacro %}


{# Make a table anew by its contract with the rows that it had; columns that are new are NULL until they are read again. #}
{% macro carry_rows_over(existing) %}
  {% set found = [] %}
  {% for column in columns_beside_contract(existing)['found'] %}{% do found.append(column.split(' ')[0]) %}{% endfor %}
  {% set kept = [] %}
  {% for column in model['columns'].values() if column['name'] in found %}{% do kept.append(column) %}{% endfor %}
  {% do refuse_to_leave_behind(existing) %}
  {% call statement('carry_rows_over') %}
    create temporary table carried_rows on commit drop as select * from {{ existing }};
    drop table {{ existing }} cascade;
    create table {{ existing }} {{ get_table_columns_and_constraints() }};
    insert into {{ existing }} ({% for column in kept %}{{ adapter.quote(column['name']) }}{{ ', ' if not loop.last }}{% endfor %})
    select {% for column in kept %}{{ adapter.quote(column['name']) }}::{{ column['data_type'] }}{{ ', ' if not loop.last }}{% endfor %} from carried_rows
  {% endcall %}
  {% do create_missing_indexes(existing) %}
{% endmacro %}
