{{ config(
    materialized='rollup',
    meta={'built_from': ['int_spot__prices_deduped'], 'instrument_types': ['index'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

{{ rolled_up_bars(ref('int_spot__prices_deduped'), bucket='day', of='index') }}
