-- Nothing is extrapolated: the total variance at the money lies between those of the two strikes beside the forward.

with

smile as (

    select * from {{ ref('volatility_smile') }}
    where {{ newest_sessions() }} and is_out_of_the_money

),

at_the_money as (

    select * from {{ ref('atm_volatility') }}
    where {{ newest_sessions() }}

),

found as (

    select
        at_the_money.exchange,
        at_the_money.underlying,
        at_the_money.session_date,
        at_the_money.expiry,
        at_the_money.lower_strike,
        at_the_money.upper_strike,
        at_the_money.total_variance,
        lower_side.total_variance as lower_variance,
        lower_side.log_moneyness as lower_log_moneyness,
        upper_side.total_variance as upper_variance,
        upper_side.log_moneyness as upper_log_moneyness
    from at_the_money
    left join smile as lower_side
        on at_the_money.exchange = lower_side.exchange
        and at_the_money.underlying = lower_side.underlying
        and at_the_money.session_date = lower_side.session_date
        and at_the_money.expiry = lower_side.expiry
        and at_the_money.lower_strike = lower_side.strike
    left join smile as upper_side
        on at_the_money.exchange = upper_side.exchange
        and at_the_money.underlying = upper_side.underlying
        and at_the_money.session_date = upper_side.session_date
        and at_the_money.expiry = upper_side.expiry
        and at_the_money.upper_strike = upper_side.strike

)

select *
from found
where
    (lower_log_moneyness <= 0 and coalesce(upper_log_moneyness > 0, true)) is not true
    or (
        total_variance between
        least(lower_variance, upper_variance) - 1e-12 and greatest(lower_variance, upper_variance) + 1e-12
    ) is not true
