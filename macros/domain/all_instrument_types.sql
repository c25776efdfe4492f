{# What an instrument may be, for models that take rows of all; `unknown` where nobody says it. #}
{% macro all_instrument_types() %}
  {{ return(['option', 'future', 'index', 'equity', 'currency', 'crypto', 'unknown']) }}
{% endmacro %}
