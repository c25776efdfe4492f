{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_options__quotes_deduped', 'int_futures__quotes_deduped'],
        'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'limited_from_outside': true, 'chunk_interval': '30 days',
    },
) }}

with

last_trades as not materialized (

    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        close as premium
    from {{ ref('int_options__quotes_deduped') }}
    where is_preferred

),

futures as not materialized (

    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        close as price
    from {{ ref('int_futures__quotes_deduped') }}
    where is_preferred

),

{{ gathered_forwards(options='last_trades', futures='futures') }}

select * from gathered
