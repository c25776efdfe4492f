{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'],
        'slice_key': 'underlying', 'limited_from_outside': true, 'chunk_interval': '60 days',
    },
) }}

with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

official as not materialized (

    select
        contracts.exchange,
        official.instrument_type,
        official.underlying,
        official.expiry,
        official.session_date,
        official.bar_start,
        official.bar_end,
        contracts.strike,
        contracts.option_type,
        case when official.is_traded then official.close end as close
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    inner join contracts on official.contract_id = contracts.contract_id

),

options as not materialized (

    select * from official
    where instrument_type = 'option'

),

futures as (

    select * from official
    where instrument_type = 'future'

),

{{ gathered_forwards(options='options', futures='futures') }}

select * from gathered
