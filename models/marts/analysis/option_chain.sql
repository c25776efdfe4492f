with

bars as (

    select * from {{ ref('options_ticks') }}

),

strikes as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        bar_end,
        expiry,
        strike,
        {{ calls_beside_puts(columns=[
            'symbol', 'close', 'volume', 'open_interest', 'implied_volatility', 'delta', 'gamma', 'vega',
            'greeks_status',
        ]) }}
        max(underlying_price) as underlying_price,
        max(years_to_expiry) as years_to_expiry,
        max(forward_price) as forward_price,
        max(forward_method) as forward_method
    from bars
    group by underlying, exchange, session_date, bar_start, bar_end, expiry, strike

),

option_chain as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        strike,
        call_symbol,
        put_symbol,

        -- times
        bar_start,
        bar_end,
        session_date,

        -- where the strike lies
        underlying_price,
        years_to_expiry,
        forward_price,
        forward_method,
        case
            when strike > 0 and forward_price > 0 then ln(strike::double precision / forward_price)
        end as log_moneyness,

        -- calls
        call_close,
        call_volume,
        call_open_interest,
        call_implied_volatility,
        call_delta,
        call_gamma,
        call_vega,
        call_greeks_status,

        -- puts
        put_close,
        put_volume,
        put_open_interest,
        put_implied_volatility,
        put_delta,
        put_gamma,
        put_vega,
        put_greeks_status

    from strikes

)

select * from option_chain
