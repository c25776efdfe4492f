{#- Strikes of a fit, counted from the money outwards, and how few no longer make one. -#}
{%- set most_strikes = 10 -%}
{%- set least_strikes = 3 -%}

with

chain as (

    select * from {{ ref('option_chain_daily') }}
    where underlying_price > 0 and forward_price > 0 and years_to_expiry > 0

),

futures as (

    select * from {{ ref('futures_daily') }}
    where is_preferred and is_traded

),

expiries as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        max(bar_end) as bar_end,
        max(years_to_expiry) as years_to_expiry,
        max(underlying_price) as underlying_price,
        max(forward_price) as spot_forward
    from chain
    group by underlying, session_date, bar_start, expiry

),

-- A call less its put is worth the discounted forward less the strike: each strike with both names a forward.
strikes as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        strike::double precision
        + (call_close - put_close)::double precision
        * forward_price / underlying_price::double precision as implied_forward,
        row_number() over (
            partition by underlying, session_date, bar_start, expiry order by abs(log_moneyness), strike
        ) as nearness
    from chain
    where call_is_traded and put_is_traded

),

near_strikes as (

    select * from strikes
    where nearness <= {{ most_strikes }}

),

-- The median: one stale premium moves it little, where it would bend a line through all.
fits as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        percentile_cont(0.5) within group (order by implied_forward) as parity_forward,
        count(*) as parity_strikes
    from near_strikes
    group by underlying, session_date, bar_start, expiry
    having count(*) >= {{ least_strikes }}

),

residuals as (

    select
        fits.underlying,
        fits.session_date,
        fits.bar_start,
        fits.expiry,
        fits.parity_forward,
        fits.parity_strikes,
        percentile_cont(0.5) within group (
            order by abs(near_strikes.implied_forward - fits.parity_forward)
        ) as parity_residual
    from fits
    inner join near_strikes
        on fits.underlying = near_strikes.underlying
        and fits.session_date = near_strikes.session_date
        and fits.bar_start = near_strikes.bar_start
        and fits.expiry = near_strikes.expiry
    group by
        fits.underlying,
        fits.session_date,
        fits.bar_start,
        fits.expiry,
        fits.parity_forward,
        fits.parity_strikes

),

with_method as (

    select
        expiries.*,
        residuals.parity_forward,
        residuals.parity_residual,
        residuals.parity_strikes,
        futures.close as future_price,
        case
            when residuals.parity_forward is not null then 'parity'
            when futures.close is not null then 'future'
            else 'spot and rate'
        end as forward_method,
        coalesce(residuals.parity_forward, futures.close::double precision, expiries.spot_forward) as forward_price
    from expiries
    left join residuals
        on expiries.underlying = residuals.underlying
        and expiries.session_date = residuals.session_date
        and expiries.bar_start = residuals.bar_start
        and expiries.expiry = residuals.expiry
    left join futures
        on expiries.underlying = futures.underlying
        and expiries.session_date = futures.session_date
        and expiries.bar_start = futures.bar_start
        and expiries.expiry = futures.expiry

),

forward_prices as (

    select
        -- ids
        underlying,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- the best of the three
        underlying_price,
        forward_price,
        forward_method,
        case when forward_price > 0 then ln(forward_price / underlying_price::double precision) / years_to_expiry end
            as implied_carry,

        -- each of them
        parity_forward,
        parity_residual,
        coalesce(parity_strikes, 0) as parity_strikes,
        future_price,
        spot_forward
    from with_method

)

select * from forward_prices
