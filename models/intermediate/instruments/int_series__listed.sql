{{ config(
    materialized='rollup',
    meta={'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

select
    exchange,
    underlying,
    instrument_type,
    expiry,
    {{ session_bucket() }} as session_date,
    {{ lot_of_best_word('max') }} as lot_size,
    {{ lot_of_best_word('min') }} as smallest_lot_size,
    -- the better word is also the first in the alphabet
    min(lot_size_decided_by) as lot_size_decided_by,
    -- the layout that says lots also has symbols, by which contracts are recognised whatever their expiry
    bool_and(lot_size_decided_by is not distinct from 'bhavcopy') as has_symbols,
    count(*) as contracts
from {{ ref('int_fo_bhavcopy__deduped') }}
where is_preferred
group by
    exchange,
    underlying,
    instrument_type,
    expiry,
    {{ session_bucket() }}
