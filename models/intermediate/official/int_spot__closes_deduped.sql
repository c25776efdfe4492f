{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-index'], 'instrument_types': ['index'],
        'slice_key': 'underlying', 'chunk_interval': '365 days',
    },
) }}

with

official as (

    select * from {{ ref('int_index_closes__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null

),

slices as (

    select * from {{ slices_to_build() }} as planned

),

ranked as (

    select
        official.*,
        row_number() over (
            partition by official.underlying, official.session_date
            order by official.load_id desc, official.line desc
        ) as precedence
    from official
    inner join slices
        on official.underlying = slices.underlying and official.session_date = slices.session_date

),

winners as (

    select
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
        load_id,
        line
    from ranked
    where precedence = 1

)

select * from winners
