{#
  Put the descriptions of a model, and of its columns, on the relation, so that psql, DBeaver and every other client show them. dbt
  would write each of them again at every build; here only those that differ from what the server has are written, so that a build with
  nothing new writes nothing.

  relation, model, for_relation, for_columns: as in dbt's persist_docs.
#}
{% macro postgres__persist_docs(relation, model, for_relation=true, for_columns=true) %}
  {% set described = [] %}
  {% if for_relation and config.persist_relation_docs() and model.description %}
    {% do described.append("(null, " ~ quoted_text(model.description) ~ ")") %}
  {% endif %}
  {% if for_columns and config.persist_column_docs() %}
    {% for column in model.columns.values() if column.description %}
      {% do described.append("(" ~ quoted_text(column.name) ~ ", " ~ quoted_text(column.description) ~ ")") %}
    {% endfor %}
  {% endif %}
  {% if not described %}{{ return('') }}{% endif %}
  {% set comments = run_query("
    select string_agg(
      case
        when column_name is null then format('comment on " ~ ('view' if relation.is_view else 'table') ~ " %s is %L', relation, description)
        else format('comment on column %s.%I is %L', relation, column_name, description)
      end, ';')
    from (values " ~ described | join(', ') ~ ") as described (column_name, description)
    cross join (select '" ~ relation ~ "'::regclass as relation) as here
    left join pg_attribute on attrelid = relation and attname = column_name and attnum > 0
    where case
      when column_name is null then description is distinct from obj_description(relation, 'pg_class')
      else attnum is not null and description is distinct from col_description(relation, attnum)
    end").rows[0][0] %}
  {% if comments %}{% do run_query(comments) %}{% endif %}
{% endmacro %}


{% macro quoted_text(text) -%}
'{{ text | trim | replace("'", "''") }}'
{%- endmacro %}
