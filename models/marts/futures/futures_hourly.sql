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

futures_hourly as (

    select
        -- ids
        bars.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        bars.expiry,

        -- times
        bars.bar_start,
        {{ end_of_hour('bars') }} as bar_end,
        bars.session_date,

        -- prices and quantities
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        bars.open_interest

    from bars
    inner join contracts on bars.contract_id = contracts.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and bars.session_date = sessions.session_date

)

select * from futures_hourly
