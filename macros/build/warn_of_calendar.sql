{# Warn at the end of a build of a calendar that ends soon: what ends when, and what to do. See int_sessions__remaining. #}
{% macro warn_of_calendar() %}
  {% if execute and flags.WHICH in ('run', 'build') %}
    {% if run_query("select to_regclass('intermediate.int_sessions__remaining') is not null").rows[0][0] %}
      {% for row in run_query("select advice from intermediate.int_sessions__remaining where advice is not null order by exchange").rows %}
        {% do exceptions.warn(row['advice']) %}
      {% endfor %}
    {% endif %}
  {% endif %}
{% endmacro %}
