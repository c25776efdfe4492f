{{ config(
    materialized='rollup',
    meta={'bucket': 'hour', 'built_from': ['int_futures__quotes_deduped'], 'instrument_types': ['future'], 'slice_key': 'contract_id', 'chunk_interval': '30 days'},
) }}

{{ rolled_up_bars(ref('int_futures__quotes_deduped'), bucket='hour', of='contract') }}
