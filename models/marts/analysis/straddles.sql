with

chain as (

    select * from {{ ref('option_chain_daily') }}

),

-- as for implied volatility: the close, or the settlement price where nothing traded; on the day of expiry a settlement
-- price is the underlying's value and no premium
premiums as (

    select
        chain.*,
        case
            when call_is_traded then call_close
            when session_date < expiry then call_settlement_price
        end as call_premium,
        case
            when put_is_traded then put_close
            when session_date < expiry then put_settlement_price
        end as put_premium
    from chain
    where forward_price is not null

),

ranked as (

    select
        premiums.*,
        row_number() over (
            partition by underlying, exchange, session_date, bar_start, expiry
            order by abs(strike::double precision - forward_price) asc, strike asc
        ) as place
    from premiums
    where call_premium is not null and put_premium is not null

),

straddles as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        strike,
        call_symbol,
        put_symbol,

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- prices
        underlying_price,
        forward_price,
        call_premium,
        put_premium,
        call_premium + put_premium as straddle_price,
        call_is_traded and put_is_traded as is_traded,

        -- what the price says
        (100 * (call_premium + put_premium) / nullif(underlying_price, 0))::double precision as implied_move_percent,
        strike - (call_premium + put_premium) as lower_break_even,
        strike + (call_premium + put_premium) as upper_break_even,
        call_implied_volatility,
        put_implied_volatility

    from ranked
    where place = 1

)

select * from straddles
