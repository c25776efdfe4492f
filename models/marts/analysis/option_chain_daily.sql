{#- Days built from minutes end with each contract's last trade: the later trade is nearer to the close. A settlement
    price has another forward than a trade (docs/decisions/0073), and goes behind it. -#}
{%- set at_the_close = 'forward_price is null asc, years_to_expiry asc nulls last, is_traded desc, option_type asc' -%}

with

options as (

    select * from {{ ref('options_daily') }}
    where is_preferred

),

strikes as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        strike,
        {{ calls_beside_puts(
            columns=[
                'symbol', 'close', 'settlement_price', 'volume', 'open_interest', 'change_in_open_interest',
                'forward_price', 'implied_volatility', 'delta', 'gamma', 'vega', 'greeks_status',
            ],
            flags=['is_traded'],
        ) }}
        max(bar_end) as bar_end,
        min(years_to_expiry) as years_to_expiry,
        (array_agg(underlying_price order by {{ at_the_close }}))[1] as underlying_price,
        (array_agg(forward_price order by {{ at_the_close }}))[1] as forward_price,
        (array_agg(forward_method order by {{ at_the_close }}))[1] as forward_method,
        (array_agg(is_traded order by {{ at_the_close }}))[1] as is_traded
    from options
    group by underlying, exchange, session_date, bar_start, expiry, strike

),

-- one moment and one forward per expiry, so that its strikes can be compared
as_of_the_close as (

    select
        strikes.*,
        first_value(years_to_expiry) over latest as years_at_close,
        first_value(underlying_price) over latest as price_at_close,
        first_value(forward_price) over latest as forward_at_close,
        first_value(forward_method) over latest as method_at_close
    from strikes
    window latest as (
        partition by underlying, exchange, session_date, bar_start, expiry
        order by forward_price is null asc, years_to_expiry asc nulls last, is_traded desc, strike asc
    )

),

option_chain_daily as (

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

        -- where the strike lies
        price_at_close as underlying_price,
        years_at_close as years_to_expiry,
        forward_at_close as forward_price,
        method_at_close as forward_method,
        case
            when strike > 0 and forward_at_close > 0 then ln(strike::double precision / forward_at_close)
        end as log_moneyness,

        -- calls
        call_is_traded,
        call_close,
        call_settlement_price,
        call_volume,
        call_open_interest,
        call_change_in_open_interest,
        call_forward_price,
        call_implied_volatility,
        call_delta,
        call_gamma,
        call_vega,
        call_greeks_status,

        -- puts
        put_is_traded,
        put_close,
        put_settlement_price,
        put_volume,
        put_open_interest,
        put_change_in_open_interest,
        put_forward_price,
        put_implied_volatility,
        put_delta,
        put_gamma,
        put_vega,
        put_greeks_status

    from as_of_the_close

)

select * from option_chain_daily
