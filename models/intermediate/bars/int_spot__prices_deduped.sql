{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'shapes': ['bars'], 'instrument_types': ['index'], 'slice_key': 'underlying',
        'order_by': 'bar_start, source',
    },
) }}

{{ dedupe_minute_bars('index', 'underlying', [
    'underlying', 'session_date', 'bar_start', 'bar_end', 'open', 'high', 'low', 'close', 'source', 'is_preferred',
    'load_id', 'line',
]) }}
