{{ config(
    materialized='rollup',
    indexes=[{'columns': ['session_date']}],
    meta={'built_from': ['int_options__quotes_deduped'], 'instrument_types': ['option'], 'slice_key': 'contract_id', 'chunk_interval': '90 days'},
) }}

{{ rolled_up_bars(ref('int_options__quotes_deduped'), bucket='hour', of='contract', last_of=columns_of_option_bars()) }}
