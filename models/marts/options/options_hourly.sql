with

with_greeks as (

    {{ with_greeks(
        bars=ref('int_options__hours_bounded'), priced=ref('int_options__hours_priced'), bar_interval='hour',
        columns=columns_of_bars() + columns_of_option_bars(),
    ) }}

),

options_hourly as (

    select
        -- ids
        contract_id,
        symbol,
        exchange,
        underlying,
        expiry,
        strike,
        option_type,

        -- times
        bar_start,
        bar_end,
        session_date,

        -- prices and quantities
        open,
        high,
        low,
        close,
        bid,
        ask,
        volume,
        open_interest,

        -- volatility and Greeks, of the bar's last minute
        premium_source,
        underlying_price,
        forward_price,
        forward_method,
        discount_factor,
        years_to_expiry,
        implied_volatility,
        vendor_implied_volatility,
        delta,
        gamma,
        theta,
        vega,
        rho,
        vanna,
        volga,
        charm,
        speed,
        color,
        veta,
        greeks_status

    from with_greeks

)

select * from options_hourly
