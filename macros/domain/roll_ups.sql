{#
  Whether bars of five minutes, of which those of 15, 30 and 60 are made, are stored or made whenever they are asked for: var('roll_ups').
#}
{% macro materialization_of_roll_ups() %}
  {% if var('roll_ups') not in ('views', 'stored') %}
    {{ exceptions.raise_compiler_error("roll_ups is views or stored; not " ~ var('roll_ups')) }}
  {% endif %}
  {{ return('rollup' if var('roll_ups') == 'stored' else 'view') }}
{% endmacro %}


{# The lengths of bars, in minutes, that market_data_rolled_up has: var('roll_up_minutes'). All divide the hour, and are made of fives. #}
{% macro roll_up_minutes() %}
  {% for minutes in var('roll_up_minutes') if minutes not in (5, 10, 15, 20, 30, 60) %}
    {{ exceptions.raise_compiler_error("roll_up_minutes are of 5, 10, 15, 20, 30 and 60; not " ~ minutes) }}
  {% endfor %}
  {{ return(var('roll_up_minutes')) }}
{% endmacro %}
