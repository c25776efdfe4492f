with

smile as (

    select * from {{ ref('volatility_smile') }}
    where is_out_of_the_money

),

-- The strikes on both sides of the forward; a strike on it counts as below. Moneyness decides the side, because the
-- strikes' forwards differ where some are of trades and some of settlement prices.
neighbours as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        max(bar_end) as bar_end,
        max(years_to_expiry) as years_to_expiry,
        max(underlying_price) as underlying_price,
        (array_agg(forward_price order by is_traded desc, abs(log_moneyness) asc, strike asc))[1] as forward_price,
        (
            array_agg(strike order by log_moneyness desc, strike asc)
            filter (where log_moneyness <= 0)
        )[1] as lower_strike,
        max(log_moneyness) filter (where log_moneyness <= 0) as lower_log_moneyness,
        (
            array_agg(total_variance order by log_moneyness desc, strike asc)
            filter (where log_moneyness <= 0)
        )[1] as lower_variance,
        (
            array_agg(is_traded order by log_moneyness desc, strike asc)
            filter (where log_moneyness <= 0)
        )[1] as lower_is_traded,
        (
            array_agg(strike order by log_moneyness asc, strike asc)
            filter (where log_moneyness > 0)
        )[1] as upper_strike,
        min(log_moneyness) filter (where log_moneyness > 0) as upper_log_moneyness,
        (
            array_agg(total_variance order by log_moneyness asc, strike asc)
            filter (where log_moneyness > 0)
        )[1] as upper_variance,
        (
            array_agg(is_traded order by log_moneyness asc, strike asc)
            filter (where log_moneyness > 0)
        )[1] as upper_is_traded
    from smile
    group by underlying, exchange, session_date, bar_start, expiry

),

interpolated as (

    select
        neighbours.*,
        case
            when lower_log_moneyness = 0 then lower_variance
            else
                lower_variance
                + (upper_variance - lower_variance) * lower_log_moneyness / (lower_log_moneyness - upper_log_moneyness)
        end as total_variance
    from neighbours

),

atm_volatility as (

    select
        -- ids
        underlying,
        exchange,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- the two strikes
        underlying_price,
        forward_price,
        lower_strike,
        upper_strike,
        case
            when lower_log_moneyness = 0 then lower_is_traded
            else lower_is_traded and upper_is_traded
        end as is_traded,

        -- volatility
        sqrt(total_variance / years_to_expiry) as implied_volatility,
        total_variance

    from interpolated
    where total_variance is not null

)

select * from atm_volatility
