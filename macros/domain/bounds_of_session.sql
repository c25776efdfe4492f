{#
  Start and end of a row of a day: those of its session, or the exchange's whole day where the calendar has no hours for it, so that all
  rows of a chain begin together. Where nobody says the exchange, it is the day in UTC.

  days: the relation with `session_date`; `sessions` and `exchanges` stand beside it, left-joined.
#}
{% macro bounds_of_session(days) -%}
coalesce(sessions.opens_at, {{ midnight_of(days ~ '.session_date') }}) as bar_start,
        coalesce(sessions.closes_at, {{ midnight_of(days ~ '.session_date + 1') }}) as bar_end
{%- endmacro %}


{# The midnight at the exchange with which a date begins. #}
{% macro midnight_of(day) -%}
({{ day }})::timestamp at time zone coalesce(exchanges.time_zone, 'UTC')
{%- endmacro %}


{#
  End of an hourly bar: of its hour, or of its session where that is earlier.

  hours: the relation with `bar_start`; `sessions` stand beside it, left-joined.
#}
{% macro end_of_hour(hours) -%}
least({{ hours }}.bar_start + interval '1 hour', sessions.closes_at)
{%- endmacro %}
