{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-minute'], 'instrument_types': ['option'], 'slice_key': 'contract_id',
    },
) }}

{{ dedupe_minute_bars('option', 'contract_id', [
    'contract_id', 'expiry', 'session_date', 'bar_start', 'bar_end',
    'open', 'high', 'low', 'close', 'volume', 'open_interest', 'load_id', 'line',
]) }}
