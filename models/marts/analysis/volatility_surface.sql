with

nodes as (

    {{ of_preferred_slices(computed('volatility_nodes')) }}

),

volatility_surface as (

    select
        -- ids
        underlying,
        exchange,
        tenor_days,
        delta,
        case when delta < 0 then 1 + delta else delta end as delta_of_call,

        -- times
        session_date,
        bar_end,

        -- the two expiries
        case bar_interval when 'day' then 'official' else 'minute bars' end as source,
        earlier_expiry,
        later_expiry,

        -- where the node lies
        forward_price,
        strike,
        log_moneyness,
        is_extrapolated,

        -- volatility
        implied_volatility,
        total_variance,
        atm_implied_volatility

    from nodes

)

select * from volatility_surface
