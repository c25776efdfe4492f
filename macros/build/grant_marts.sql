{#
  Let analysts read the marts and the exchange facts, of the database's own target and no other. Servers without the role are left as they
  are.
#}
{% macro grant_marts() %}
  {% if execute and flags.WHICH in ('run', 'build') and not schema_prefix() %}
    {% if run_query("select exists (select 1 from pg_roles where rolname = 'tickmart_analyst')").rows[0][0] %}
      {% for schema_name in ('marts', 'facts') %}
        {% if run_query("select to_regnamespace('" ~ schema_name ~ "') is not null").rows[0][0] %}
          grant usage on schema {{ schema_name }} to tickmart_analyst;
          grant select on all tables in schema {{ schema_name }} to tickmart_analyst;
        {% endif %}
      {% endfor %}
    {% endif %}
  {% endif %}
{% endmacro %}
