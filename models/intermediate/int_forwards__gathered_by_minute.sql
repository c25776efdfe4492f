{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_options__quotes_deduped', 'int_futures__quotes_deduped'],
        'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'limited_from_outside': true,
        'compress_after': '60 days',
    },
) }}

with

{{ gathered_forwards(options=ref('int_options__quotes_deduped'), futures=ref('int_futures__quotes_deduped')) }}

select * from gathered
