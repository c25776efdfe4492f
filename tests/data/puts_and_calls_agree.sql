-- Put-call parity, nearly always: a call and a put of one strike that both trade in a minute price the same forward. Where
-- fewer than 95 % of the pairs of an underlying's session agree with its index within 0.5 % (and 5 % a year, for the carry
-- that dividends take away), prices, strikes, expiries or clocks do not belong together. Real bars of 2025-03-12: 1,020
-- pairs, the worst 0.10 % apart; their official days: 95 % within 0.5 %. Few pairs say nothing.

with

options as (

    select underlying, session_date, expiry, strike, option_type, bar_start, close, underlying_price, years_to_expiry
    from {{ ref('options_ticks') }}
    where {{ newest_sessions() }} and greeks_status = 'ok'

),

rates as (

    select * from {{ ref('int_rates__daily') }}

),

pairs as (

    select
        calls.underlying,
        calls.session_date,
        abs(
            (calls.close - puts.close)
            - (calls.underlying_price - calls.strike * exp(-rates.interest_rate * calls.years_to_expiry)::numeric)
        ) / calls.underlying_price as residual,
        0.005 + 0.05 * calls.years_to_expiry as allowed
    from options as calls
    inner join options as puts
        on calls.underlying = puts.underlying
        and calls.expiry = puts.expiry
        and calls.strike = puts.strike
        and calls.bar_start = puts.bar_start
    inner join rates on calls.session_date = rates.session_date
    where calls.option_type = 'CE' and puts.option_type = 'PE'

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
