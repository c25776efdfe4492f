{{ config(materialized='reference', meta={'key': ['exchange', 'expiry'], 'prices_options': true}) }}

with

expiries as (

    select distinct
        exchange,
        expiry
    from {{ ref('int_contracts__registered') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

session_times as (

    select * from {{ ref('nse_session_times') }}
    where segment = 'fo'

),

-- Expiries lie years ahead of the calendar: there the regular close of that day holds.
dated as (

    select
        expiries.exchange,
        expiries.expiry,
        coalesce(
            sessions.closes_at, (expiries.expiry + session_times.closes_at::time) at time zone exchanges.time_zone
        ) as expires_at
    from expiries
    left join sessions
        on expiries.exchange = sessions.exchange and expiries.expiry = sessions.session_date
    left join session_times
        on expiries.exchange = session_times.exchange
        and expiries.expiry >= session_times.valid_from
        and expiries.expiry <= coalesce(session_times.valid_to, 'infinity')
    left join exchanges on expiries.exchange = exchanges.exchange

),

-- There is no bar before the first known hours, so nothing is priced to such an expiry: only a wrong cell names one.
within_known_hours as (

    select * from dated
    where expires_at is not null

)

select * from within_known_hours
