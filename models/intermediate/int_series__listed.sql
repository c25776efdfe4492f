{{ config(
    materialized='rollup',
    meta={'bucket': 'day', 'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

select
    underlying,
    instrument_type,
    expiry,
    session_date,
    time_bucket(interval '1 day', bar_start, timestamptz '2000-01-03 00:00+05:30') as bar_start,
    max(lot_size) as lot_size,
    min(lot_size) as smallest_lot_size,
    -- of several the better word, which is the first by the alphabet too
    min(lot_size_decided_by) as lot_size_decided_by,
    count(*) as contracts
from {{ ref('int_fo_bhavcopy__deduped') }}
group by
    underlying,
    instrument_type,
    expiry,
    session_date,
    time_bucket(interval '1 day', bar_start, timestamptz '2000-01-03 00:00+05:30')
