with

prices as (

    select * from {{ ref('int_spot__prices_deduped') }}
    where is_preferred

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

spot_prices as (

    select
        -- ids
        prices.underlying as symbol,
        prices.exchange,

        -- times
        prices.bar_start,
        prices.bar_end,
        prices.session_date,

        -- prices
        prices.open,
        prices.high,
        prices.low,
        prices.close,

        -- provenance
        loads.source,
        prices.load_id,
        {{ line_of_file('prices') }} as line

    from prices
    left join loads on prices.load_id = loads.load_id

)

select * from spot_prices
