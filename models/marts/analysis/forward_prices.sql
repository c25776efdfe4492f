{#- Strikes of a fit, counted from the money outwards, and how few no longer make one. -#}
{%- set most_strikes = 10 -%}
{%- set least_strikes = 3 -%}

-- One grouping over calls, puts and futures, and no join: a filter on session and time reaches the rows of each.
with

chain as (

    select * from {{ ref('option_chain_daily') }}
    where underlying_price > 0 and forward_price > 0 and years_to_expiry > 0

),

futures as (

    select * from {{ ref('futures_daily') }}
    where is_preferred and is_traded

),

-- A call less its put is worth the discounted forward less the strike: each strike with both traded names a forward.
strikes as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        bar_end,
        years_to_expiry,
        underlying_price,
        forward_price as spot_forward,
        case
            when call_is_traded and put_is_traded
                then
                    strike::double precision
                    + (call_close - put_close)::double precision
                    * forward_price / underlying_price::double precision
        end as implied_forward,
        row_number() over (
            partition by underlying, session_date, bar_start, expiry
            order by (call_is_traded and put_is_traded) is true desc, abs(log_moneyness) asc, strike asc
        ) as nearness
    from chain

),

quotes as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        bar_end,
        years_to_expiry,
        underlying_price,
        spot_forward,
        case when nearness <= {{ most_strikes }} then implied_forward end as implied_forward,
        null::numeric as future_price
    from strikes
    union all
    select
        underlying,
        session_date,
        bar_start,
        expiry,
        null as bar_end,
        null as years_to_expiry,
        null as underlying_price,
        null as spot_forward,
        null as implied_forward,
        close as future_price
    from futures

),

-- The median: one stale premium moves it little, where it would bend a line through all.
expiries as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        max(bar_end) as bar_end,
        max(years_to_expiry) as years_to_expiry,
        max(underlying_price) as underlying_price,
        max(spot_forward) as spot_forward,
        max(future_price) as future_price,
        count(implied_forward) as parity_strikes,
        percentile_cont(0.5) within group (order by implied_forward) as parity_forward,
        array_agg(implied_forward) filter (where implied_forward is not null) as implied_forwards
    from quotes
    group by underlying, session_date, bar_start, expiry
    having max(spot_forward) is not null

),

fitted as (

    select
        expiries.*,
        residuals.parity_residual
    from expiries
    left join lateral (
        select
            percentile_cont(0.5) within group (
                order by abs(each_strike.implied_forward - expiries.parity_forward)
            ) as parity_residual
        from unnest(expiries.implied_forwards) as each_strike (implied_forward)
    ) as residuals on true

),

with_method as (

    select
        fitted.*,
        case
            when parity_strikes >= {{ least_strikes }} then 'parity'
            when future_price is not null then 'future'
            else 'spot and rate'
        end as forward_method
    from fitted

),

with_forward as (

    select
        with_method.*,
        case forward_method
            when 'parity' then parity_forward
            when 'future' then future_price::double precision
            else spot_forward
        end as forward_price
    from with_method

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
        case when forward_method = 'parity' then parity_forward end as parity_forward,
        case when forward_method = 'parity' then parity_residual end as parity_residual,
        case when forward_method = 'parity' then parity_strikes else 0 end as parity_strikes,
        future_price,
        spot_forward
    from with_forward

)

select * from forward_prices
