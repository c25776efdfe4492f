with

implied as (

    select * from {{ ref('atm_volatility_by_tenor') }}
    where tenor_days = 30

),

realized as (

    select * from {{ ref('realized_volatility') }}

),

volatility_premium as (

    select
        -- ids: a range of dates should reach one side, a list of underlyings the other side, which is their whole
        -- history
        realized.underlying,
        realized.exchange,
        realized.price_series,
        realized.roll_rule,
        realized.window_sessions,

        -- times
        implied.session_date,
        implied.bar_start,
        implied.bar_end,

        -- volatilities
        implied.implied_volatility,
        realized.close_to_close,
        realized.yang_zhang,
        implied.implied_volatility - realized.close_to_close as premium_over_close_to_close,
        implied.implied_volatility - realized.yang_zhang as premium_over_yang_zhang

    from implied
    inner join realized
        on implied.underlying = realized.underlying
        and implied.exchange = realized.exchange
        and implied.session_date = realized.session_date

)

select * from volatility_premium
