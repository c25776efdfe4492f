{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'],
        'slice_key': 'underlying', 'limited_from_outside': true, 'chunk_interval': '60 days',
    },
) }}

with

official as not materialized (

    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        case when is_traded then close end as close,
        -- on the day of expiry it is the underlying's value, and no premium
        case when session_date < expiry then settlement_price end as settlement_price,
        underlying_price
    from {{ ref('int_fo_bhavcopy__deduped') }}

),

{{ gathered_forwards(options='official', futures='official', states_underlying=true, has_untraded=true) }}

select * from gathered
