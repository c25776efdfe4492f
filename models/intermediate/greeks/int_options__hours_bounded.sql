with

hours as (

    select * from {{ ref('int_options__bars_hourly') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

bounded as (

    select
        hours.contract_id,
        hours.expiry,
        hours.session_date,
        hours.bar_start,
        hours.open,
        hours.high,
        hours.low,
        hours.close,
        hours.volume,
        hours.open_interest,
        hours.bid,
        hours.ask,
        hours.vendor_implied_volatility,
        hours.last_bar_start,
        hours.bars,
        {{ end_of_hour('hours') }} as bar_end
    from hours
    left join contracts on hours.contract_id = contracts.contract_id
    left join sessions on contracts.exchange = sessions.exchange and hours.session_date = sessions.session_date

)

select * from bounded
