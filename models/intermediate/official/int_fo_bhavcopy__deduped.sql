{{ config(
    materialized='hypertable',
    indexes=[{'columns': ['session_date']}],
    meta={
        'built_from': 'slices', 'shapes': ['contract_days'], 'instrument_types': ['option', 'future'],
        'slice_key': 'contract_id', 'chunk_interval': '180 days',
        'segment_by': 'underlying', 'order_by': 'contract_id, bar_start, session_date, source',
    },
) }}

with

delivered as (

    select * from {{ ref('int_fo_bhavcopy__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

),

{{ dedupe('contract_days', ['contract_id', 'session_date'], group='underlying', file_rank=true) }},

official as (

    select
        contract_id,
        exchange,
        instrument_type,
        underlying,
        expiry,
        session_date,
        bar_start,
        bar_end,
        is_traded,
        open,
        high,
        low,
        close,
        last_price,
        previous_close,
        settlement_price,
        underlying_price,
        lot_size,
        lot_size_decided_by,
        volume,
        open_interest,
        stated_change_in_open_interest,
        trades,
        turnover,
        source,
        is_preferred,
        load_id,
        line
    from winners

)

select * from official
