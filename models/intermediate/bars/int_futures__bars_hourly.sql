{{ config(
    materialized='rollup',
    indexes=[{'columns': ['session_date']}],
    meta={'built_from': ['int_futures__quotes_deduped'], 'instrument_types': ['future'], 'slice_key': 'contract_id', 'chunk_interval': '90 days'},
) }}

{{ rolled_up_bars(ref('int_futures__quotes_deduped'), bucket='hour', of='contract') }}
