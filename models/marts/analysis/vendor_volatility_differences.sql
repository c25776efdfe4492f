with

compared as (

    select
        compared.*,
        case
            when log_moneyness < -0.10 then '1: below -10 %'
            when log_moneyness < -0.05 then '2: -10 % to -5 %'
            when log_moneyness < -0.02 then '3: -5 % to -2 %'
            when log_moneyness < 0.02 then '4: -2 % to 2 %'
            when log_moneyness < 0.05 then '5: 2 % to 5 %'
            when log_moneyness < 0.10 then '6: 5 % to 10 %'
            when log_moneyness >= 0.10 then '7: 10 % and above'
        end as moneyness,
        case
            when days_to_expiry <= 7 then '1: up to 7 days'
            when days_to_expiry <= 30 then '2: 8 to 30 days'
            when days_to_expiry <= 90 then '3: 31 to 90 days'
            when days_to_expiry > 90 then '4: above 90 days'
        end as time_to_expiry
    from {{ ref('vendor_volatilities') }} as compared

),

vendor_volatility_differences as (

    select
        -- ids
        underlying,
        exchange,
        session_date,
        option_type,
        moneyness,
        time_to_expiry,

        -- how many
        count(difference) as snapshots,
        count(*) filter (where vendor_implied_volatility is null) as without_vendors,
        count(*) filter (where implied_volatility is null) as without_ours,

        -- vendor's less ours
        percentile_cont(0.05) within group (order by difference) as difference_5,
        percentile_cont(0.25) within group (order by difference) as difference_25,
        percentile_cont(0.5) within group (order by difference) as difference_50,
        percentile_cont(0.75) within group (order by difference) as difference_75,
        percentile_cont(0.95) within group (order by difference) as difference_95,
        percentile_cont(0.5) within group (order by abs(difference)) as distance_50,

        -- what it comes from, and what is left
        percentile_cont(0.5) within group (order by due_to_premium) as due_to_premium_50,
        percentile_cont(0.5) within group (order by due_to_forward) as due_to_forward_50,
        percentile_cont(0.5) within group (order by due_to_time) as due_to_time_50,
        percentile_cont(0.5) within group (order by abs(unexplained)) as unexplained_distance_50

    from compared
    group by underlying, exchange, session_date, option_type, moneyness, time_to_expiry

)

select * from vendor_volatility_differences
