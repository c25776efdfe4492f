{{ config(
    materialized='hypertable',
    meta={
        'built_from': ['int_options__snapshots_deduped'], 'shapes': ['chain_snapshots'], 'refers_to': ['contract_days'],
        'instrument_types': ['option'], 'slice_key': 'underlying', 'limited_from_outside': true,
    },
) }}

with

-- A bid and an ask are of the moment of the snapshot, a last trade is of the minutes before: each is compared with its
-- own kind.
premiums as not materialized (

    select
        snapshots.contract_id,
        snapshots.expiry,
        snapshots.session_date,
        snapshots.timestamp as bar_start,
        snapshots.timestamp as bar_end,
        'quote' as premium_kind,
        {{ middle_of_quote('snapshots') }} as premium
    from {{ ref('int_options__snapshots_deduped') }} as snapshots
    where snapshots.is_preferred
    union all
    select
        snapshots.contract_id,
        snapshots.expiry,
        snapshots.session_date,
        snapshots.timestamp as bar_start,
        snapshots.timestamp as bar_end,
        'trade' as premium_kind,
        {{ last_trade_of_quote('snapshots') }} as premium
    from {{ ref('int_options__snapshots_deduped') }} as snapshots
    where snapshots.is_preferred

),

{{ gathered_forwards(options='premiums', kinds=['quote', 'trade']) }}

select * from gathered
