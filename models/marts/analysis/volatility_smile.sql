with

-- each option lies where the forward that it is solved with puts it
chain as (

    select
        option_chain_daily.*,
        {%- for side in ['call', 'put'] %}
        case
            when strike > 0 and {{ side }}_forward_price > 0
                then ln(strike::double precision / {{ side }}_forward_price)
        end as {{ side }}_log_moneyness{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('option_chain_daily') }} as option_chain_daily

),

-- out of the money is where an option is all time value and trades most
judged as (

    select
        chain.*,
        call_implied_volatility is not null and call_log_moneyness is not null as has_call,
        put_implied_volatility is not null and put_log_moneyness is not null as has_put,
        coalesce(call_implied_volatility is not null and call_log_moneyness >= 0, false) as call_is_out,
        coalesce(put_implied_volatility is not null and put_log_moneyness < 0, false) as put_is_out
    from chain

),

-- Between the forward of trades and that of settlement prices both may be, or neither: then the one that was traded.
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
        {%- for column in [
            'symbol', 'is_traded', 'forward_price', 'log_moneyness', 'implied_volatility', 'delta', 'vega',
        ] %}
        case option_type
            when 'CE' then call_{{ column }}
            else put_{{ column }}
        end as chosen_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from sides
    where option_type is not null

),

volatility_smile as (

    select
        -- ids
        underlying,
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
