{{ config(
    materialized='rollup',
    indexes=[{'columns': ['session_date']}],
    meta={
        'built_from': ['int_options__quotes_deduped'], 'instrument_types': ['option'],
        'slice_key': 'contract_id', 'chunk_interval': '180 days',
        'segment_by': 'expiry', 'order_by': 'contract_id, session_date',
    },
) }}

{{ rolled_up_bars(ref('int_options__quotes_deduped'), bucket='day', of='contract') }}
