{{ config(
    materialized=materialization_of_roll_ups(),
    meta={'built_from': ['int_spot__prices_deduped'], 'instrument_types': ['index'], 'slice_key': 'underlying', 'chunk_interval': '90 days'},
) }}

{{ rolled_up_bars(ref('int_spot__prices_deduped'), bucket='five minutes', of='index') }}
