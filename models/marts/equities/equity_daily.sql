with

official as (

    select * from {{ ref('int_equities__official_deduped') }}
    where is_preferred

),

equity_daily as (

    select
        -- ids
        symbol,
        exchange,
        series,
        isin,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- which of a day's rows
        'official' as source,
        true as is_preferred,

        -- prices
        is_traded,
        open,
        high,
        low,
        close,
        last_price,
        previous_close,
        average_price,

        -- quantities
        volume,
        turnover,
        trades,
        delivered_volume
    from official

)

select * from equity_daily
