with

built_days as (

    select * from {{ ref('int_options__bars_daily') }}

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
        built_days.contract_id,
        built_days.expiry,
        built_days.session_date,
        coalesce(sessions.opens_at, built_days.first_bar_start) as bar_start,
        coalesce(sessions.closes_at, built_days.last_bar_end) as bar_end,
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

)

select * from bounded
