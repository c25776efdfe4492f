with

fits as (

    {{ of_preferred_slices(computed('volatility_fits')) }}

),

volatility_fits as (

    select
        -- ids
        underlying,
        exchange,
        expiry,

        -- times
        session_date,
        bar_end,
        years_to_expiry,

        -- which quotes it is made from
        case bar_interval when 'day' then 'official' else 'minute bars' end as source,
        forward_price,
        strikes,
        traded_strikes,
        lowest_strike,
        highest_strike,
        lowest_log_moneyness,
        highest_log_moneyness,

        -- raw SVI
        fit_status,
        a,
        b,
        rho,
        m,
        sigma,
        sqrt((a + b * (sqrt(m * m + sigma * sigma) - rho * m)) / years_to_expiry) as atm_implied_volatility,

        -- how far it is from the quotes
        rmse,
        weighted_rmse,
        worst_error,

        -- checks
        is_free_of_butterfly_arbitrage,
        lowest_g,
        is_free_of_calendar_arbitrage,
        nearer_expiry,
        calendar_margin

    from fits

)

select * from volatility_fits
