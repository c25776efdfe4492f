{#
  The flat select of a rollup: one row per key and session, and per hour or five minutes of it for such bars, from finer bars of regular
  hours.

  bars:   the model that is rolled up; it states the hour that each of its bars belongs to.
  bucket: 'hour', as the bars state it in hour_start, 'five minutes' of these hours, or 'day', which is a session.
  of:     'contract' (contract_id and expiry; volume and open interest), 'index' (exchange and underlying; indices have neither), or
          'share' (exchange and underlying; volume; of the finest bars that are not adjusted).
  last_of: further columns of the bars, of which the last of the bucket counts.

  The time_bucket over whole days of session_date changes no date. A continuous aggregate must have one, over the column by which the table below
  is partitioned first. So no session is divided, whatever its hours and its exchange's time zone
  (docs/decisions/0163-roll-ups-are-of-sessions.md).
#}
{% macro rolled_up_bars(bars, bucket, of, last_of=[]) %}
{% if bucket not in ('five minutes', 'hour', 'day') or of not in ('contract', 'index', 'share') %}
  {{ exceptions.raise_compiler_error("rolled_up_bars: bucket is five minutes, hour or day, of is contract, index or share, not " ~ bucket ~ " and " ~ of) }}
{% endif %}
{% set keys = ['contract_id', 'expiry'] if of == 'contract' else ['exchange', 'underlying'] %}
{% set buckets = {
  'five minutes': ['hour_start', "date_bin(interval '5 minutes', bar_start, hour_start)"], 'hour': ['hour_start'], 'day': [],
}[bucket] %}
select
    {{ keys | join(',\n    ') }},
    {{ session_bucket() }} as session_date,
    {%- if bucket == 'five minutes' %}
    hour_start,
    {%- endif %}
    {%- if buckets %}
    {{ buckets[-1] }} as bar_start,
    {%- endif %}
    first(open, bar_start) as open,
    max(high) as high,
    min(low) as low,
    last(close, bar_start) as close,
    {%- if of != 'index' %}
    sum(volume) as volume,
    {%- endif %}
    {%- if of == 'contract' %}
    last(open_interest, bar_start) as open_interest,
    {%- endif %}
    {%- for column in last_of %}
    last({{ column }}, bar_start) as {{ column }},
    {%- endfor %}
    max(bar_start) as last_bar_start,
    count(*) as bars
from {{ bars }}
where
    is_preferred
    and is_regular
    {%- if of == 'share' %}
    and is_finest
    and instrument_type = 'equity'
    and adjusted_for = 'none'
    and bar_interval < interval '1 day'
    {%- endif %}
group by
    {{ (keys + [session_bucket()] + buckets) | join(',\n    ') }}
{% endmacro %}


{# The session of a row, in the words in which a continuous aggregate wants its time. #}
{% macro session_bucket() -%}
time_bucket(interval '1 day', session_date)
{%- endmacro %}
