{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_options__snapshots_deduped'], 'sources': ['nse-option-chain'], 'refers_to': ['nse-bhavcopy'],
        'instrument_types': ['option'], 'slice_key': 'underlying', 'limited_from_outside': true, 'compress_after': '60 days',
    },
) }}

with

-- A bid and an ask are of the moment of the snapshot, a last trade is not: the middle alone names a forward.
middles as not materialized (

    select
        snapshots.contract_id,
        snapshots.expiry,
        snapshots.session_date,
        snapshots.timestamp as bar_start,
        snapshots.timestamp as bar_end,
        {{ middle_of_quote('snapshots') }} as close,
        snapshots.underlying_price
    from {{ ref('int_options__snapshots_deduped') }} as snapshots

),

{{ gathered_forwards(options='middles', states_underlying=true) }}

select * from gathered
