{{ config(
    materialized='rollup',
    meta={
        'built_from': ['int_options__snapshots_deduped'], 'shapes': ['chain_snapshots'], 'refers_to': ['contract_days'],
        'instrument_types': ['option'], 'slice_key': 'contract_id', 'chunk_interval': '180 days',
        'segment_by': 'expiry', 'order_by': 'contract_id, session_date',
    },
) }}

select
    contract_id,
    expiry,
    {{ session_bucket() }} as session_date,
    max(timestamp) as last_timestamp,
    count(*) as snapshots
from {{ ref('int_options__snapshots_deduped') }}
where is_preferred
group by
    contract_id,
    expiry,
    {{ session_bucket() }}
