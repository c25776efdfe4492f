with

chain as (

    select * from {{ ref('option_chain_daily') }}
    where log_moneyness is not null

),

-- out of the money is where an option is all time value and trades most
sides as (

    select
        chain.*,
        case
            when log_moneyness < 0 and put_implied_volatility is not null then 'PE'
            when log_moneyness >= 0 and call_implied_volatility is not null then 'CE'
            when put_implied_volatility is not null then 'PE'
            when call_implied_volatility is not null then 'CE'
        end as option_type
    from chain

),

chosen as (

    select
        sides.*,
        option_type = case when log_moneyness < 0 then 'PE' else 'CE' end as is_out_of_the_money,
        case option_type when 'CE' then call_symbol else put_symbol end as symbol,
        case option_type when 'CE' then call_is_traded else put_is_traded end as is_traded,
        case option_type when 'CE' then call_implied_volatility else put_implied_volatility end as implied_volatility,
        case option_type when 'CE' then call_delta else put_delta end as delta,
        case option_type when 'CE' then call_vega else put_vega end as vega
    from sides
    where option_type is not null

),

volatility_smile as (

    select
        -- ids
        underlying,
        expiry,
        strike,
        symbol,
        option_type,
        is_out_of_the_money,
        is_traded,

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- where the strike lies
        underlying_price,
        forward_price,
        log_moneyness,
        delta,
        case option_type when 'CE' then delta else 1 + delta end as delta_of_call,

        -- volatility
        implied_volatility,
        implied_volatility * implied_volatility * years_to_expiry as total_variance,
        vega

    from chosen

)

select * from volatility_smile
