{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'],
        'slice_key': 'underlying', 'limited_from_outside': true, 'chunk_interval': '60 days',
    },
) }}

with

-- on the day of expiry the settlement price is the underlying's value, not a premium
official as not materialized (

    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        is_traded,
        case
            when is_traded then close
            when session_date < expiry then settlement_price
        end as close,
        underlying_price
    from {{ ref('int_fo_bhavcopy__deduped') }}

),

traded_futures as not materialized (

    select * from official
    where is_traded

),

{{ gathered_forwards(options='official', futures='traded_futures', states_underlying=true, has_untraded=true) }}

select * from gathered
