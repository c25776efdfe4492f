with

bars as (

    select
        hours.*,
        least(hours.bar_start + interval '1 hour', sessions.closes_at) as bar_end
    from {{ ref('int_options__bars_hourly') }} as hours
    left join {{ ref('int_sessions__dated') }} as sessions
        on sessions.exchange = 'NSE' and sessions.segment = 'fo' and hours.session_date = sessions.session_date

),

priced as (

    {{ with_pricing_inputs() }}

)

select * from priced
