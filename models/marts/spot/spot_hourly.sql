with

bars as (

    select * from {{ ref('int_spot__prices_hourly') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'index'

),

bounded as not materialized (

    select
        bars.*,
        sessions.opens_at,
        least(bars.bar_start + interval '1 hour', sessions.closes_at) as bar_end
    from bars
    left join sessions on bars.exchange = sessions.exchange and bars.session_date = sessions.session_date

),

hours as (

    {{ hours_of_sessions('bounded') }}

),

spot_hourly as (

    select
        -- ids
        underlying as symbol,
        exchange,

        -- times
        begins_at as bar_start,
        bar_end,
        session_date,

        -- prices
        open,
        high,
        low,
        close

    from hours

)

select * from spot_hourly
