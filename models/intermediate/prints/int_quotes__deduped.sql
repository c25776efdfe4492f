{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['exchange', 'underlying', 'session_date']}],
    meta={
        'built_from': 'slices', 'shapes': ['quotes'],
        'instrument_types': all_instrument_types(),
        'slice_key': 'underlying', 'chunk_interval': '1 day',
        'segment_by': 'instrument_id', 'order_by': 'timestamp, sequence, session_date, source',
    },
) }}

{{ dedupe_prints('quotes', ['bid', 'bid_size', 'ask', 'ask_size']) }}
