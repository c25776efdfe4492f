{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-minute'], 'instrument_types': ['future'], 'slice_key': 'contract_id',
    },
) }}

{{ dedupe_minute_bars('future', 'contract_id', [
    'contract_id', 'expiry', 'session_date', 'bar_start', 'bar_end',
    'open', 'high', 'low', 'close', 'volume', 'open_interest', 'load_id', 'line',
]) }}
