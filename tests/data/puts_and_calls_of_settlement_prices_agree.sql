-- The exchange computes the settlement price of a call and of a put from one volatility, so our volatilities of the two
-- agree: of 50,040 strikes of 128 official days none differs by more than 5 points, half of them by less than 0.0004.
-- Where over 2 % of a session's strikes differ, or lack the volatility of one leg, they are not solved with the forward
-- and the rate that they were computed with. Few pairs say nothing, and neither do pairs for which another forward was
-- asked for (var('forward_method')).

with

options as (

    select * from {{ ref('options_daily') }}
    where
        {{ newest_sessions() }}
        and source = 'official'
        and premium_source = 'settlement'
        and greeks_status not in ('pending', 'expired')
        and forward_method not in ('spot and rate', 'settlement future')

),

strikes as (

    select
        exchange,
        underlying,
        session_date,
        expiry,
        strike,
        max(implied_volatility) filter (where option_type = 'CE') as call_implied_volatility,
        max(implied_volatility) filter (where option_type = 'PE') as put_implied_volatility
    from options
    group by exchange, underlying, session_date, expiry, strike
    having count(*) = 2

)

select
    exchange,
    underlying,
    session_date,
    count(*) as pairs,
    count(*) filter (where abs(call_implied_volatility - put_implied_volatility) <= 0.05) as pairs_that_agree
from strikes
group by exchange, underlying, session_date
having
    count(*) >= 30
    and count(*) filter (where abs(call_implied_volatility - put_implied_volatility) <= 0.05) < 0.98 * count(*)
