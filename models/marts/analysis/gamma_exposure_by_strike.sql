with

-- an expired option has no gamma any more
chain as (

    select
        option_chain_daily.*,
        underlying_price::double precision * underlying_price::double precision * 0.01 as rupees_per_gamma
    from {{ ref('option_chain_daily') }} as option_chain_daily
    where (years_to_expiry <= 0) is not true

),

exposures as (

    select
        chain.*,
        case when call_open_interest = 0 then 0 else call_gamma * call_open_interest * rupees_per_gamma end as of_calls,
        case when put_open_interest = 0 then 0 else put_gamma * put_open_interest * rupees_per_gamma end as of_puts
    from chain

),

gamma_exposure_by_strike as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        strike,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- what it follows from
        underlying_price,
        call_open_interest,
        put_open_interest,
        call_gamma,
        put_gamma,

        -- rupees of delta per 1 % of the underlying
        of_calls as call_gamma_exposure,
        of_puts as put_gamma_exposure,
        case
            when
                (call_symbol is null or of_calls is not null)
                and (put_symbol is null or of_puts is not null)
                then coalesce(of_calls, 0) - coalesce(of_puts, 0)
        end as net_gamma_exposure

    from exposures

)

select * from gamma_exposure_by_strike
