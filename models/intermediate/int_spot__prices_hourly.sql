{{ config(
    materialized='rollup',
    meta={'built_from': ['int_spot__prices_deduped'], 'instrument_types': ['index'], 'slice_key': 'underlying', 'chunk_interval': '30 days'},
) }}

select
    underlying,
    session_date,
    time_bucket(interval '1 hour', bar_start, timestamptz '2000-01-03 09:15+05:30') as bar_start,
    first(open, bar_start) as open,
    max(high) as high,
    min(low) as low,
    last(close, bar_start) as close,
    max(bar_start) as last_bar_start,
    count(*) as bars
from {{ ref('int_spot__prices_deduped') }}
group by
    underlying,
    session_date,
    time_bucket(interval '1 hour', bar_start, timestamptz '2000-01-03 09:15+05:30')
