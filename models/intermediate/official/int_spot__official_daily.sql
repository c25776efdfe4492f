{{ config(
    materialized='rollup',
    meta={'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

select
    exchange,
    underlying,
    {{ session_bucket() }} as session_date,
    {{ the_one_value('underlying_price') }} as close
from {{ ref('int_fo_bhavcopy__deduped') }}
where is_preferred
group by
    exchange,
    underlying,
    {{ session_bucket() }}
