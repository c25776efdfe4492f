with

built_days as (

    select * from {{ ref('int_options__bars_daily') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

bounded as (

    select
        built_days.contract_id,
        built_days.expiry,
        built_days.session_date,
        {{ bounds_of_session('built_days') }},
        built_days.open,
        built_days.high,
        built_days.low,
        built_days.close,
        built_days.volume,
        built_days.open_interest,
        built_days.last_bar_start,
        built_days.bars
    from built_days
    left join contracts on built_days.contract_id = contracts.contract_id
    left join sessions on contracts.exchange = sessions.exchange and built_days.session_date = sessions.session_date
    left join exchanges on contracts.exchange = exchanges.exchange

)

select * from bounded
