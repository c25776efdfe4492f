{{ config(
    materialized=materialization_of_roll_ups(),
    meta={'built_from': ['int_options__quotes_deduped'], 'instrument_types': ['option'], 'slice_key': 'contract_id', 'chunk_interval': '90 days'},
) }}

{{ rolled_up_bars(ref('int_options__quotes_deduped'), bucket='five minutes', of='contract') }}
