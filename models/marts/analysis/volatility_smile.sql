with

-- each option lies where the forward that it is solved with puts it
chain as (

    select
        option_chain_daily.*,
        case
            when strike > 0 and call_forward_price > 0 then ln(strike::double precision / call_forward_price)
        end as call_log_moneyness,
        case
            when strike > 0 and put_forward_price > 0 then ln(strike::double precision / put_forward_price)
        end as put_log_moneyness
    from {{ ref('option_chain_daily') }} as option_chain_daily

),

-- out of the money an option is all time value and trades most
judged as (

    select
        chain.*,
        call_implied_volatility is not null and call_log_moneyness is not null as has_call,
        put_implied_volatility is not null and put_log_moneyness is not null as has_put,
        coalesce(call_implied_volatility is not null and call_log_moneyness >= 0, false) as call_is_out,
        coalesce(put_implied_volatility is not null and put_log_moneyness < 0, false) as put_is_out
    from chain

),

-- Between the forward of trades and that of settlement prices both options may be out of the money, or neither: then
-- the one that was traded counts.
sides as (

    select
        judged.*,
        case
            when put_is_out and not call_is_out then 'PE'
            when call_is_out and not put_is_out then 'CE'
            when has_put and has_call then case when call_is_traded and not put_is_traded then 'CE' else 'PE' end
            when has_put then 'PE'
            when has_call then 'CE'
        end as option_type
    from judged

),

chosen as (

    select
        sides.*,
        case option_type when 'CE' then call_is_out else put_is_out end as is_out_of_the_money,
        case option_type when 'CE' then call_symbol else put_symbol end as chosen_symbol,
        case option_type when 'CE' then call_is_traded else put_is_traded end as chosen_is_traded,
        case option_type when 'CE' then call_forward_price else put_forward_price end as chosen_forward_price,
        case option_type when 'CE' then call_log_moneyness else put_log_moneyness end as chosen_log_moneyness,
        case option_type
            when 'CE' then call_implied_volatility
            else put_implied_volatility
        end as chosen_implied_volatility,
        case option_type when 'CE' then call_delta else put_delta end as chosen_delta,
        case option_type when 'CE' then call_vega else put_vega end as chosen_vega
    from sides
    where option_type is not null

),

volatility_smile as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        strike,
        chosen_symbol as symbol,
        option_type,
        is_out_of_the_money,
        chosen_is_traded as is_traded,

        -- times
        session_date,
        bar_start,
        bar_end,
        years_to_expiry,

        -- where the strike lies
        underlying_price,
        chosen_forward_price as forward_price,
        chosen_log_moneyness as log_moneyness,
        chosen_delta as delta,
        case option_type when 'CE' then chosen_delta else 1 + chosen_delta end as delta_of_call,

        -- volatility
        chosen_implied_volatility as implied_volatility,
        chosen_implied_volatility * chosen_implied_volatility * years_to_expiry as total_variance,
        chosen_vega as vega

    from chosen

)

select * from volatility_smile
