with

bars as (

    select * from {{ ref('int_spot__prices_hourly') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'index'

),

spot_hourly as (

    select
        -- ids
        bars.underlying as symbol,
        bars.exchange,

        -- times
        bars.bar_start,
        {{ end_of_hour('bars') }} as bar_end,
        bars.session_date,

        -- prices
        bars.open,
        bars.high,
        bars.low,
        bars.close

    from bars
    left join sessions on bars.exchange = sessions.exchange and bars.session_date = sessions.session_date

)

select * from spot_hourly
