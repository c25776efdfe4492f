with

bars as (

    select
        days.contract_id,
        days.expiry,
        days.session_date,
        coalesce(sessions.opens_at, days.bar_start) as bar_start,
        coalesce(sessions.closes_at, days.bar_start + interval '1 day') as bar_end,
        days.open,
        days.high,
        days.low,
        days.close,
        days.volume,
        days.open_interest,
        days.last_bar_start
    from {{ ref('int_options__bars_daily') }} as days
    left join {{ ref('int_sessions__dated') }} as sessions
        on sessions.exchange = 'NSE' and sessions.segment = 'fo' and days.session_date = sessions.session_date

),

priced as (

    {{ with_pricing_inputs() }}

)

select * from priced
