{{ config(
    materialized='rollup',
    meta={'bucket': 'day', 'built_from': ['int_fo_bhavcopy__deduped'], 'instrument_types': ['option', 'future'], 'slice_key': 'underlying', 'chunk_interval': '365 days'},
) }}

select
    exchange,
    underlying,
    session_date,
    time_bucket(interval '1 day', bar_start, timestamptz '2000-01-03 00:00+05:30') as bar_start,
    {{ the_one_value('underlying_price') }} as close
from {{ ref('int_fo_bhavcopy__deduped') }}
where is_preferred
group by
    exchange,
    underlying,
    session_date,
    time_bucket(interval '1 day', bar_start, timestamptz '2000-01-03 00:00+05:30')
