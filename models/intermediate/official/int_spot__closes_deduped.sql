{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'shapes': ['index_days'], 'instrument_types': ['index'],
        'slice_key': 'underlying', 'chunk_interval': '365 days',
        'segment_by': 'exchange, underlying', 'order_by': 'bar_start, session_date, source',
    },
) }}

with

delivered as (

    select * from {{ ref('int_index_closes__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

),

{{ dedupe('index_days', ['exchange', 'underlying', 'session_date'], group='underlying') }},

official as (

    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        open,
        high,
        low,
        close,
        volume,
        turnover,
        price_to_earnings,
        price_to_book,
        dividend_yield,
        source,
        is_preferred,
        load_id,
        line
    from winners

)

select * from official
