{#
  The flat select of a rollup: one row per key, session and bucket, from finer bars of regular hours.

  bars:   the model that is rolled up.
  bucket: 'hour', counted from the regular open at 09:15 (the marts cut the first one where a session opens elsewhere:
          hours_of_sessions), or 'day', from midnight in India.
  of:     'contract' (contract_id and expiry; volume and open interest) or 'index' (exchange and underlying; indices have neither).

  Buckets are counted from a fixed moment and have no time zone: India has no summer time, and a bucket with a time zone costs
  four times as much.
#}
{% macro rolled_up_bars(bars, bucket, of) %}
{% if bucket not in ('hour', 'day') or of not in ('contract', 'index') %}
  {{ exceptions.raise_compiler_error("rolled_up_bars: bucket is hour or day, of is contract or index, not " ~ bucket ~ " and " ~ of) }}
{% endif %}
{% set keys = ['contract_id', 'expiry', 'session_date'] if of == 'contract' else ['exchange', 'underlying', 'session_date'] %}
{% set bar_start = bucket_of('bar_start', bucket) %}
select
    {{ keys | join(',\n    ') }},
    {{ bar_start }} as bar_start,
    first(open, bar_start) as open,
    max(high) as high,
    min(low) as low,
    last(close, bar_start) as close,
    {%- if of == 'contract' %}
    sum(volume) as volume,
    last(open_interest, bar_start) as open_interest,
    {%- endif %}
    max(bar_start) as last_bar_start,
    count(*) as bars
from {{ bars }}
where is_preferred and is_regular
group by
    {{ keys | join(',\n    ') }},
    {{ bar_start }}
{% endmacro %}
