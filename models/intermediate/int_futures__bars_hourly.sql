{{ config(
    materialized='rollup',
    meta={'built_from': ['int_futures__quotes_deduped'], 'instrument_types': ['future'], 'slice_key': 'contract_id', 'chunk_interval': '30 days'},
) }}

select
    contract_id,
    expiry,
    session_date,
    -- aligned to the session's open; India has no summer time, and a bucket with a time zone costs four times as much
    time_bucket(interval '1 hour', bar_start, timestamptz '2000-01-03 09:15+05:30') as bar_start,
    first(open, bar_start) as open,
    max(high) as high,
    min(low) as low,
    last(close, bar_start) as close,
    sum(volume)::bigint as volume,
    last(open_interest, bar_start) as open_interest,
    max(bar_start) as last_bar_start,
    count(*) as bars
from {{ ref('int_futures__quotes_deduped') }}
group by
    contract_id,
    expiry,
    session_date,
    time_bucket(interval '1 hour', bar_start, timestamptz '2000-01-03 09:15+05:30')
