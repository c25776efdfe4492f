{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-minute'], 'instrument_types': ['index'], 'slice_key': 'underlying',
    },
) }}

{{ dedupe_minute_bars('index', 'underlying', [
    'underlying', 'session_date', 'bar_start', 'bar_end', 'open', 'high', 'low', 'close', 'load_id', 'line',
]) }}
