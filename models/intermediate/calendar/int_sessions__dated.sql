{{ config(
    materialized='reference',
    meta={
        'key': ['exchange', 'segment', 'session_date'],
        'rebuilds_sessions': ['exchange', 'segment', 'session_date', 'opens_at', 'closes_at', 'kind'],
    },
) }}

with

session_times as (

    select * from {{ ref('nse_session_times') }}

),

holidays as (

    select * from {{ ref('nse_holidays') }}

),

special_sessions as (

    select * from {{ ref('nse_special_sessions') }}

),

-- The calendar speaks only for the years that the list of holidays covers.
weekdays as (

    select day::date as session_date
    from
        generate_series(
            (select date_trunc('year', min(holiday_date)) from holidays),
            (select date_trunc('year', max(holiday_date)) + interval '1 year - 1 day' from holidays),
            interval '1 day'
        ) as day
    where extract(isodow from day) <= 5

),

regular_sessions as (

    select
        session_times.exchange,
        session_times.segment,
        weekdays.session_date,
        session_times.opens_at,
        session_times.closes_at,
        'regular' as kind,
        session_times.source
    from weekdays
    inner join session_times
        on weekdays.session_date >= session_times.valid_from
        and weekdays.session_date <= coalesce(session_times.valid_to, 'infinity')
    where weekdays.session_date not in (select holiday_date from holidays)

),

all_sessions as (

    select
        exchange,
        segment,
        session_date,
        opens_at,
        closes_at,
        kind,
        source
    from special_sessions
    union all
    select
        exchange,
        segment,
        session_date,
        opens_at,
        closes_at,
        kind,
        source
    from regular_sessions
    where not exists (
        select 1 from special_sessions
        where
            special_sessions.exchange = regular_sessions.exchange
            and special_sessions.segment = regular_sessions.segment
            and special_sessions.session_date = regular_sessions.session_date
    )

),

dated as (

    select
        exchange,
        segment,
        session_date,
        (session_date + opens_at::time) at time zone 'Asia/Kolkata' as opens_at,
        (session_date + closes_at::time) at time zone 'Asia/Kolkata' as closes_at,
        kind,
        source
    from all_sessions

)

select * from dated
