{#
  Load a seed only when its file has changed. dbt's own materialization inserts every row again on each build; here the
  checksum of the file, and of its columns with their types, stands in the table's comment. A changed file replaces the rows in place (TRUNCATE, so that views
  on the seed stay) unless its columns changed too. What was built from a file is built again when the file changes (rules_of_model).
  Additions to a seed with `evaluates_again` only let quarantined rows be evaluated again.

  config.meta
    evaluates_again  reasons for which rows may have been quarantined that a new row of the seed would let in; see evaluate_again
    explains      columns that say why or from where, and decide nothing: a changed text there corrects nothing (default: source)
#}
{% materialization seed, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set agate_table = load_agate_table() -%}
  {#- dbt guesses the types of a user's columns: a 5 that becomes 5.50 is another type. -#}
  {%- set types = [] -%}
  {%- for name in agate_table.column_names -%}{%- do types.append(adapter.convert_type(agate_table, loop.index0)) -%}{%- endfor -%}
  {%- set shape = 'seed ' ~ local_md5(((agate_table.column_names | list) + types) | join(',') ~ config.get('column_types', {})) -%}
  {#- With --empty dbt gives no rows: the table gets no mark of the file, so that the next run loads it. -#}
  {%- set mark = shape ~ ' ' ~ (model.checksum.checksum if not flags.EMPTY else 'empty') -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% do lock_model(target_relation) %}
  {% set stored_mark = none %}
  {% if existing is not none %}
    {% set stored_mark = run_query("select obj_description(to_regclass('" ~ existing ~ "'), 'pg_class')").rows[0][0] %}
  {% endif %}
  {% set keeps_shape = (stored_mark or '').startswith(shape) %}
  {% if keeps_shape and (flags.EMPTY or (stored_mark == mark and not should_full_refresh())) %}
    {% call noop_statement('main', 'left as it is' if flags.EMPTY else 'unchanged', 'SEED', 0) %}{% endcall %}
  {% else %}
    {% set evaluates_again = config.get('meta', {}).get('evaluates_again', []) %}
    {% if keeps_shape %}
      {% if evaluates_again %}{% do run_query("create temporary table rows_before on commit drop as select * from " ~ existing) %}{% endif %}
      {% do run_query("truncate table " ~ existing) %}
    {% else %}
      {% if existing is not none %}{% do drop_with_what_reads_it(existing) %}{% endif %}
      {% do create_csv_table(model, agate_table) %}
      {% do create_missing_indexes(target_relation) %}
    {% endif %}
    {% set insert_sql = load_csv_rows(model, agate_table) if agate_table.rows | length > 0 else '' %}
    {% if evaluates_again and existing is not none %}
      {% set explains = config.get('meta', {}).get('explains', ['source']) %}
      {% set deciding = get_quoted_csv(agate_table.column_names | reject('in', explains) | list) %}
      {% if not keeps_shape or run_query("
        select exists (select " ~ deciding ~ " from rows_before except select " ~ deciding ~ " from " ~ target_relation ~ ")").rows[0][0] %}
        {% do record_correction() %}
      {% endif %}
      {% do evaluate_again(evaluates_again) %}
    {% endif %}
    {% do run_query("comment on table " ~ target_relation ~ " is '" ~ mark ~ "'") %}
    {% call noop_statement('main', 'INSERT ' ~ agate_table.rows | length, 'INSERT', agate_table.rows | length) %}{% endcall %}
  {% endif %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
