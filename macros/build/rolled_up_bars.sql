{#
  The flat select of a rollup: one row per key, session and bucket, from finer bars.

  bars:   the model that is rolled up.
  bucket: 'hour', aligned to the session's open at 09:15, or 'day', from midnight in India.
  of:     'contract' (contract_id and expiry; volume and open interest) or 'index' (underlying; indices have neither).

  Buckets are counted from a fixed moment and have no time zone: India has no summer time, and a bucket with a time zone costs
  four times as much.
#}
{% macro rolled_up_bars(bars, bucket, of) %}
{% if bucket not in ('hour', 'day') or of not in ('contract', 'index') %}
  {{ exceptions.raise_compiler_error("rolled_up_bars: bucket is hour or day, of is contract or index, not " ~ bucket ~ " and " ~ of) }}
{% endif %}
{% set keys = ['contract_id', 'expiry', 'session_date'] if of == 'contract' else ['underlying', 'session_date'] %}
{% set origin = '2000-01-03 09:15+05:30' if bucket == 'hour' else '2000-01-03 00:00+05:30' %}
{% set bar_start = "time_bucket(interval '1 " ~ bucket ~ "', bar_start, timestamptz '" ~ origin ~ "')" %}
select
    {{ keys | join(',\n    ') }},
    {{ bar_start }} as bar_start,
    first(open, bar_start) as open,
    max(high) as high,
    min(low) as low,
    last(close, bar_start) as close,
    {%- if of == 'contract' %}
    sum(volume)::bigint as volume,
    last(open_interest, bar_start) as open_interest,
    {%- endif %}
    max(bar_start) as last_bar_start,
    count(*) as bars
from {{ bars }}
group by
    {{ keys | join(',\n    ') }},
    {{ bar_start }}
{% endmacro %}
