{#- What the exchange computes its volatility from: its last trade, the spot, this rate and whole days.
    docs/decisions/0061. -#}
{%- set rate_of_vendor = 0.10 -%}

with

snapshots as (

    select * from {{ ref('option_snapshots') }}
    where implied_volatility is not null or vendor_implied_volatility is not null

),

rates as (

    select * from {{ ref('interest_rates') }}

),

with_moneyness as (

    select
        snapshots.*,
        rates.interest_rate,
        case
            when snapshots.strike > 0 and snapshots.forward_price > 0
                then ln(snapshots.strike::double precision / snapshots.forward_price)
        end as log_moneyness,
        snapshots.expiry - snapshots.session_date as days_to_expiry,
        snapshots.vendor_implied_volatility - snapshots.implied_volatility as difference
    from snapshots
    left join rates on snapshots.session_date = rates.session_date

),

-- How far the volatility moves, to the first order, when one of our inputs at a time gives way to the exchange's.
with_causes as (

    select
        with_moneyness.*,
        case
            when vega > 0 then (last_price - premium)::double precision / vega * 0.01
        end as due_to_premium,
        case
            when vega > 0
                then
                    -(
                        delta * (underlying_price::double precision - forward_price * discount_factor)
                        + rho * ({{ rate_of_vendor }} - interest_rate) * 100
                    ) / vega * 0.01
        end as due_to_forward,
        case
            when days_to_expiry > 0
                then implied_volatility * (sqrt(years_to_expiry * 365 / days_to_expiry) - 1)
        end as due_to_time
    from with_moneyness

),

vendor_volatilities as (

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
        timestamp,
        session_date,
        days_to_expiry,

        -- where the strike lies
        log_moneyness,
        delta,

        -- the two
        implied_volatility,
        vendor_implied_volatility,
        difference,
        greeks_status,

        -- what they are computed from
        premium,
        premium_source,
        last_price,
        forward_price,
        forward_method,
        underlying_price,

        -- what the difference comes from
        due_to_premium,
        due_to_forward,
        due_to_time,
        difference - due_to_premium - due_to_forward - due_to_time as unexplained
    from with_causes

)

select * from vendor_volatilities
