{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'],
        'slice_key': 'underlying', 'limited_from_outside': true, 'chunk_interval': '180 days',
    },
) }}

with

official_options as not materialized (

    select
        official.contract_id,
        official.expiry,
        official.session_date,
        official.bar_start,
        official.bar_end,
        {{ kind_of_official_premium('official') }} as premium_kind,
        {{ premium_of_official_day('official') }} as premium,
        official.underlying_price
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    where official.instrument_type = 'option' and official.is_preferred

),

official_futures as not materialized (

    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        'trade' as premium_kind,
        case when is_traded then close end as price
    from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'future' and is_preferred
    union all
    select
        contract_id,
        expiry,
        session_date,
        bar_start,
        bar_end,
        'settlement' as premium_kind,
        case when session_date < expiry then nullif(settlement_price, 0) end as price
    from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'future' and is_preferred

),

{{ gathered_forwards(
    options='official_options', futures='official_futures', kinds=['trade', 'settlement'], states_underlying=true,
) }}

select * from gathered
