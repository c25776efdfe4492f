with

smile as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        bar_end,
        expiry,
        strike,
        option_type,
        is_traded,
        implied_volatility,
        abs(delta) as delta
    from {{ ref('volatility_smile') }}
    where is_out_of_the_money

),

targets as (

    select target_delta
    from unnest(array[0.10, 0.25]::double precision[]) as target_delta

),

-- on each wing, the options on both sides of the delta; an option that has this delta counts as the one below
neighbours as (

    select
        smile.underlying,
        smile.exchange,
        smile.session_date,
        smile.bar_start,
        smile.expiry,
        smile.option_type,
        targets.target_delta,
        max(smile.bar_end) as bar_end,
        max(smile.delta) filter (where smile.delta <= targets.target_delta) as lower_delta,
        (
            array_agg(smile.implied_volatility order by smile.delta desc, smile.strike asc)
            filter (where smile.delta <= targets.target_delta)
        )[1] as lower_volatility,
        (
            array_agg(smile.is_traded order by smile.delta desc, smile.strike asc)
            filter (where smile.delta <= targets.target_delta)
        )[1] as lower_is_traded,
        min(smile.delta) filter (where smile.delta > targets.target_delta) as upper_delta,
        (
            array_agg(smile.implied_volatility order by smile.delta asc, smile.strike asc)
            filter (where smile.delta > targets.target_delta)
        )[1] as upper_volatility,
        (
            array_agg(smile.is_traded order by smile.delta asc, smile.strike asc)
            filter (where smile.delta > targets.target_delta)
        )[1] as upper_is_traded
    from smile
    cross join targets
    group by
        smile.underlying,
        smile.exchange,
        smile.session_date,
        smile.bar_start,
        smile.expiry,
        smile.option_type,
        targets.target_delta

),

interpolated as (

    select
        neighbours.*,
        case
            when lower_delta = target_delta then lower_volatility
            else
                lower_volatility
                + (upper_volatility - lower_volatility) * (target_delta - lower_delta) / (upper_delta - lower_delta)
        end as implied_volatility,
        case
            when lower_delta = target_delta then lower_is_traded
            else lower_is_traded and upper_is_traded
        end as is_traded
    from neighbours

),

wings as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        target_delta,
        max(bar_end) as bar_end,
        max(implied_volatility) filter (where option_type = 'CE') as call_implied_volatility,
        max(implied_volatility) filter (where option_type = 'PE') as put_implied_volatility,
        bool_and(is_traded) filter (where implied_volatility is not null) as is_traded
    from interpolated
    group by underlying, exchange, session_date, bar_start, expiry, target_delta

),

at_the_money as (

    select
        atm_volatility.underlying,
        atm_volatility.exchange,
        atm_volatility.session_date,
        atm_volatility.bar_start,
        atm_volatility.expiry,
        targets.target_delta,
        atm_volatility.implied_volatility
    from {{ ref('atm_volatility') }} as atm_volatility
    cross join targets

),

-- Put side by side by grouping and not by a join: a filter on session and time then reaches the rows below of both.
wings_and_money as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        target_delta,
        bar_end,
        call_implied_volatility,
        put_implied_volatility,
        is_traded,
        null::double precision as atm_implied_volatility,
        true as is_wing
    from wings
    union all
    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        target_delta,
        null as bar_end,
        null as call_implied_volatility,
        null as put_implied_volatility,
        null as is_traded,
        implied_volatility as atm_implied_volatility,
        false as is_wing
    from at_the_money

),

side_by_side as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        target_delta,
        max(bar_end) as bar_end,
        max(call_implied_volatility) as call_implied_volatility,
        max(put_implied_volatility) as put_implied_volatility,
        bool_and(is_traded) as is_traded,
        max(atm_implied_volatility) as atm_implied_volatility
    from wings_and_money
    group by underlying, exchange, session_date, bar_start, expiry, target_delta
    having bool_or(is_wing)

),

risk_reversals as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        target_delta,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- volatilities
        is_traded,
        call_implied_volatility,
        put_implied_volatility,
        atm_implied_volatility,
        call_implied_volatility - put_implied_volatility as risk_reversal,
        (call_implied_volatility + put_implied_volatility) / 2 - atm_implied_volatility as butterfly

    from side_by_side

)

select * from risk_reversals
