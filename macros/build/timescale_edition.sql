{#
  Which TimescaleDB the server runs: 'community' (continuous aggregates, compression, retention) or 'apache'
  (hypertables and time_bucket only). Read from the server, never from settings, so that one set of models serves both.
#}
{% macro timescale_edition() %}
  {% if not execute %}{{ return('apache') }}{% endif %}
  {% set license = run_query("select current_setting('timescaledb.license', true)").rows[0][0] %}
  {{ return('community' if license == 'timescale' else 'apache') }}
{% endmacro %}
