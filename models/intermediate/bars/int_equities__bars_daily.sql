{{ config(
    materialized='rollup',
    meta={'built_from': ['int_bars__deduped'], 'instrument_types': ['equity'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

{{ rolled_up_bars(ref('int_bars__deduped'), bucket='day', of='share') }}
