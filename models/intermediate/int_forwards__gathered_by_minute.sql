{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_options__quotes_deduped', 'int_futures__quotes_deduped'],
        'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'limited_from_outside': true,
        'compress_after': '60 days',
    },
) }}

with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

options as not materialized (

    select
        contracts.exchange,
        contracts.underlying,
        bars.expiry,
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        contracts.strike,
        contracts.option_type,
        bars.close
    from {{ ref('int_options__quotes_deduped') }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id

),

futures as (

    select
        contracts.exchange,
        contracts.underlying,
        bars.expiry,
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        bars.close
    from {{ ref('int_futures__quotes_deduped') }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id

),

{{ gathered_forwards(options='options', futures='futures') }}

select * from gathered
