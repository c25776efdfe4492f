{#
  At the end of a build, warn of a calendar that ends soon, and of sessions on file that no calendar has. The warning says what is wrong and
  what to do. See int_sessions__remaining and int_sessions__provisional.
#}
{% macro warn_of_calendar() %}
  {% if execute and flags.WHICH in ('run', 'build') and not flags.EMPTY %}
    {% for relation in [relation_of('int_sessions__remaining'), relation_of('int_sessions__provisional')]
        if run_query("select to_regclass('" ~ relation ~ "') is not null").rows[0][0] %}
      {% for row in run_query("select advice from " ~ relation ~ " where advice is not null order by exchange").rows %}
        {% do exceptions.warn(row['advice']) %}
      {% endfor %}
    {% endfor %}
  {% endif %}
{% endmacro %}
