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

payouts as (

    select
        expired.underlying,
        expired.session_date,
        expired.expiry,
        expired.strike,
        sum(
            coalesce(held.call_open_interest, 0) * greatest(expired.strike - held.strike, 0)
            + coalesce(held.put_open_interest, 0) * greatest(held.strike - expired.strike, 0)
        ) as payout
    from chain as expired
    inner join chain as held
        on expired.underlying = held.underlying
        and expired.session_date = held.session_date
        and expired.expiry = held.expiry
    group by expired.underlying, expired.session_date, expired.expiry, expired.strike

)

select
    max_pain.underlying,
    max_pain.session_date,
    max_pain.expiry,
    max_pain.max_pain_strike,
    max_pain.payout,
    payouts.strike as other_strike,
    payouts.payout as other_payout
from max_pain
inner join payouts
    on max_pain.underlying = payouts.underlying
    and max_pain.session_date = payouts.session_date
    and max_pain.expiry = payouts.expiry
where
    payouts.payout < max_pain.payout
    or (
        payouts.strike between max_pain.max_pain_strike and max_pain.highest_max_pain_strike
        and payouts.payout <> max_pain.payout
    )
