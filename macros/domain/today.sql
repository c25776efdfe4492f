{#
  The day on which the database is read, at an exchange: the one that TICKMART_TODAY names, else that of the server's clock.
  Nothing else reads the clock, so that a build can be repeated as of any day.

  zone: an expression, the exchange's time zone.
#}
{% macro today(zone) %}
{%- set told = env_var('TICKMART_TODAY', '') -%}
{{ return("date '" ~ told ~ "'" if told else "(now() at time zone " ~ zone ~ ")::date") }}
{% endmacro %}


{#
  The moment at which the database is read: the end of the day that TICKMART_TODAY names, else the server's clock.

  zone: an expression, the time zone in which that day ends.
#}
{% macro moment_of_reading(zone) %}
{%- set told = env_var('TICKMART_TODAY', '') -%}
{{ return("(date '" ~ told ~ "' + 1)::timestamp at time zone " ~ zone if told else "now()") }}
{% endmacro %}
