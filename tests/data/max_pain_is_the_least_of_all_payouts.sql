-- What the holders would be paid at each listed strike, computed again strike by strike: none pays less than the one of
-- maximum pain, and that one pays what the mart says.

with

chain as (

    select * from {{ ref('option_chain_daily') }}
    where {{ newest_sessions() }}

),

max_pain as (

    select * from {{ ref('max_pain') }}
    where {{ newest_sessions() }}

),

-- An expiry's strikes in one row: every strike is held against every other, whatever the planner expects of a join.
expiries as (

    select
        exchange,
        underlying,
        session_date,
        expiry,
        array_agg(strike order by strike) as strikes,
        array_agg(coalesce(call_open_interest, 0) order by strike) as call_open_interests,
        array_agg(coalesce(put_open_interest, 0) order by strike) as put_open_interests
    from chain
    group by exchange, underlying, session_date, expiry

),

payouts as (

    select
        expiries.exchange,
        expiries.underlying,
        expiries.session_date,
        expiries.expiry,
        expired.strike,
        totals.payout
    from expiries
    cross join lateral unnest(expiries.strikes) as expired (strike)
    cross join lateral (
        select
            sum(
                held.call_open_interest * greatest(expired.strike - held.strike, 0)
                + held.put_open_interest * greatest(held.strike - expired.strike, 0)
            ) as payout
        from unnest(expiries.strikes, expiries.call_open_interests, expiries.put_open_interests)
            as held (strike, call_open_interest, put_open_interest)
    ) as totals

)

select
    max_pain.exchange,
    max_pain.underlying,
    max_pain.session_date,
    max_pain.expiry,
    max_pain.max_pain_strike,
    max_pain.payout,
    payouts.strike as other_strike,
    payouts.payout as other_payout
from max_pain
inner join payouts
    on max_pain.exchange = payouts.exchange
    and max_pain.underlying = payouts.underlying
    and max_pain.session_date = payouts.session_date
    and max_pain.expiry = payouts.expiry
where
    payouts.payout < max_pain.payout
    or (
        payouts.strike between max_pain.max_pain_strike and max_pain.highest_max_pain_strike
        and payouts.payout <> max_pain.payout
    )
