-- Put-call parity, nearly always: a call and a put of one strike that both trade in a minute price the same forward. Where
-- fewer than 95 % of the pairs of an underlying's session agree with its index within 0.5 % (and 5 % a year, for the carry
-- that dividends take away), prices, strikes, expiries or clocks do not belong together. Real bars of 2025-03-12: 1,033
-- pairs, the worst 0.10 % apart; their official days: 95 % within 0.5 %. Few pairs say nothing.

with

options as (

    select underlying, session_date, expiry, strike, option_type, bar_start, close, underlying_price, years_to_expiry
    from {{ ref('options_ticks') }}
    where {{ newest_sessions() }} and underlying_price is not null and years_to_expiry > 0

),

rates as (

    select * from {{ ref('int_rates__daily') }}

),

strikes as (

    select
        underlying,
        session_date,
        max(close) filter (where option_type = 'CE') as call,
        max(close) filter (where option_type = 'PE') as put,
        strike,
        max(underlying_price) as underlying_price,
        max(years_to_expiry) as years_to_expiry
    from options
    group by underlying, session_date, expiry, strike, bar_start

),

pairs as (

    select
        strikes.underlying,
        strikes.session_date,
        abs(
            (strikes.call - strikes.put)
            - (strikes.underlying_price - strikes.strike * exp(-rates.interest_rate * strikes.years_to_expiry)::numeric)
        ) / strikes.underlying_price as residual,
        0.005 + 0.05 * strikes.years_to_expiry as allowed
    from strikes
    inner join rates on strikes.session_date = rates.session_date
    where strikes.call is not null and strikes.put is not null

)

select
    underlying,
    session_date,
    count(*) as pairs,
    count(*) filter (where residual <= allowed) as pairs_that_agree,
    max(residual) as worst
from pairs
group by underlying, session_date
having count(*) >= 30 and count(*) filter (where residual <= allowed) < 0.95 * count(*)
