{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'shapes': ['bars'], 'instrument_types': ['index'], 'slice_key': 'underlying', 'chunk_interval': '90 days',
        'segment_by': 'exchange, underlying', 'order_by': 'bar_start, bar_end, session_date, source',
    },
) }}

{{ dedupe_minute_bars('index', ['exchange', 'underlying'], [
    'exchange', 'underlying', 'session_date', 'bar_start', 'bar_end', 'hour_start', 'open', 'high', 'low', 'close', 'source',
    'is_regular', 'is_preferred', 'load_id', 'line',
]) }}
