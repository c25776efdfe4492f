{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['bar_start', 'bar_end', 'session_date'], 'type': 'brin'}],
    meta={
        'built_from': 'slices', 'shapes': ['bars'], 'instrument_types': ['option'], 'slice_key': 'contract_id',
        'order_by': 'bar_start, bar_end, session_date, source',
    },
) }}

{{ dedupe_minute_bars('option', ['contract_id'], [
    'contract_id', 'expiry', 'session_date', 'bar_start', 'bar_end', 'hour_start',
    'open', 'high', 'low', 'close', 'bid', 'ask', 'volume', 'open_interest', 'vendor_implied_volatility', 'source', 'is_regular', 'is_preferred',
    'load_id', 'line',
]) }}
