with

bars as (

    select * from {{ ref('int_futures__bars_hourly') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

bounded as not materialized (

    select
        bars.*,
        contracts.symbol,
        contracts.underlying,
        sessions.opens_at,
        least(bars.bar_start + interval '1 hour', sessions.closes_at) as bar_end
    from bars
    inner join contracts on bars.contract_id = contracts.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and bars.session_date = sessions.session_date

),

hours as (

    {{ hours_of_sessions('bounded') }}

),

futures_hourly as (

    select
        -- ids
        contract_id,
        symbol,
        underlying,
        expiry,

        -- times
        begins_at as bar_start,
        bar_end,
        session_date,

        -- prices and quantities
        open,
        high,
        low,
        close,
        volume,
        open_interest

    from hours

)

select * from futures_hourly
