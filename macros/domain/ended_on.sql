{#
  The date on which a bar belongs in files of dates: that of its session, or of its end where it has none to itself, because it is longer than a
  day or trades round the clock. `exchanges` stands beside it, left-joined.

  bars: the relation with bar_interval, bar_end, instrument_type and session_date.
#}
{% macro ended_on(bars) -%}
case
    when {{ bars }}.bar_interval > interval '1 day' or {{ bars }}.instrument_type in ('currency', 'crypto')
        then ({{ bars }}.bar_end - interval '1 microsecond') at time zone coalesce(exchanges.time_zone, 'UTC')
    else {{ bars }}.session_date
end::date
{%- endmacro %}
