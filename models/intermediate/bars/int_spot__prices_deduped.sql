{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'shapes': ['bars'], 'instrument_types': ['index'], 'slice_key': 'underlying', 'chunk_interval': '90 days',
        'order_by': 'bar_start, bar_end, session_date, source',
    },
) }}

{{ dedupe_minute_bars('index', 'underlying', [
    'underlying', 'session_date', 'bar_start', 'bar_end', 'open', 'high', 'low', 'close', 'source', 'is_preferred',
    'load_id', 'line',
]) }}
