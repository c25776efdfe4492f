{#
  Put the descriptions of a model, and of its columns, on the relation, so that psql, DBeaver and every other client show them. dbt
  would write each of them again at every build; here only those are written that differ from what the server has, so that a build
  with nothing new writes nothing.

  relation, model, for_relation, for_columns: as in dbt's persist_docs.
#}
{% macro postgres__persist_docs(relation, model, for_relation=true, for_columns=true) %}
  {% set wanted = [] %}
  {% if for_relation and config.persist_relation_docs() and model.description %}
    {% do wanted.append("(0, " ~ quoted_text(model.description) ~ ")") %}
  {% endif %}
  {% if for_columns and config.persist_column_docs() %}
    {% for column in model.columns.values() if column.description %}
      {% do wanted.append("(" ~ attribute_number(relation, column.name) ~ ", " ~ quoted_text(column.description) ~ ")") %}
    {% endfor %}
  {% endif %}
  {% if not wanted %}{{ return('') }}{% endif %}
  {% set statements = run_query("
    select string_agg(
      case
        when objsubid = 0 then format('comment on %s %s is %L', case (select relkind from pg_class where oid = '" ~ relation ~ "'::regclass)
          when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, '" ~ relation ~ "', wanted)
        else format('comment on column %s.%I is %L', '" ~ relation ~ "', attname, wanted)
      end, ';')
    from (values " ~ wanted | join(', ') ~ ") as descriptions (objsubid, wanted)
    left join pg_attribute on attrelid = '" ~ relation ~ "'::regclass and attnum = objsubid and objsubid > 0
    where objsubid is not null
      and wanted is distinct from (
        select description from pg_description
        where objoid = '" ~ relation ~ "'::regclass and classoid = 'pg_class'::regclass and pg_description.objsubid = descriptions.objsubid
      )").rows[0][0] %}
  {% if statements %}{% do run_query(statements) %}{% endif %}
{% endmacro %}


{# The number of a column in its relation, as SQL: NULL where the relation has no such column. #}
{% macro attribute_number(relation, column) -%}
(select attnum from pg_attribute where attrelid = '{{ relation }}'::regclass and attname = {{ quoted_text(column) }} and attnum > 0)
{%- endmacro %}


{% macro quoted_text(text) -%}
'{{ text | trim | replace("'", "''") }}'
{%- endmacro %}
