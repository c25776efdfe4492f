{{ config(
    materialized='reference',
    meta={
        'key': ['exchange', 'segment', 'session_date'],
        'rebuilds_sessions': ['exchange', 'segment', 'session_date', 'opens_at', 'closes_at', 'kind'],
        'evaluates_sessions_again': ['no session on this date', 'outside the session'],
    },
) }}

{#- Nothing that is loaded here is older; derivatives have traded since June of that year. -#}
{% set first_day = '2000-01-01' %}

with

exchanges as (

    select * from {{ ref('exchanges') }}

),

session_times as (

    select * from {{ ref('nse_session_times') }}

),

holidays as (

    select * from {{ ref('nse_holidays') }}

),

earlier_holidays as (

    select * from {{ ref('nse_earlier_holidays') }}

),

special_sessions as (

    select * from {{ ref('nse_special_sessions') }}

),

traded as (

    select traded.session_date
    from {{ ref('int_sessions__traded') }} as traded
    inner join {{ source('audit', 'current_loads') }} as current_loads on traded.load_id = current_loads.load_id
    group by traded.session_date

),

-- The calendar is published for the years that the list of holidays covers.
published as (

    select
        date_trunc('year', min(holiday_date))::date as first_day,
        (date_trunc('year', max(holiday_date)) + interval '1 year - 1 day')::date as last_day
    from holidays

),

segments as (

    select
        exchange,
        segment
    from session_times
    group by exchange, segment

),

-- Beyond the published calendar every weekday may be a session: five years ahead, as far as contracts are listed.
days as (

    select
        each_day.day_start::date as session_date,
        each_day.day_start::date not between published.first_day and published.last_day as is_provisional
    from published
    cross join
        generate_series(
            least(date '{{ first_day }}', published.first_day),
            published.last_day + interval '5 years',
            interval '1 day'
        ) as each_day (day_start)

),

regular_sessions as (

    select
        session_times.exchange,
        session_times.segment,
        days.session_date,
        session_times.opens_at,
        session_times.closes_at,
        'regular' as kind,
        days.is_provisional,
        session_times.source
    from days
    inner join session_times
        on days.session_date >= session_times.valid_from
        and days.session_date <= coalesce(session_times.valid_to, 'infinity')
    where
        extract(isodow from days.session_date) <= 5
        and days.session_date not in (select holidays.holiday_date from holidays)
        and days.session_date not in (select earlier_holidays.holiday_date from earlier_holidays)

),

-- No list says on which days a Muhurat session or a Saturday was traded; the exchange's own files do, but not the
-- hours.
unscheduled_sessions as (

    select
        segments.exchange,
        segments.segment,
        days.session_date,
        null as opens_at,
        null as closes_at,
        'unscheduled' as kind,
        days.is_provisional,
        'the exchange''s own file of the day' as source
    from days
    inner join traded on days.session_date = traded.session_date
    cross join segments
    where days.is_provisional

),

-- What a seed says about a day goes first, and a weekday's hours go before no hours.
all_sessions as (

    select
        1 as rank,
        exchange,
        segment,
        session_date,
        opens_at,
        closes_at,
        kind,
        false as is_provisional,
        source
    from special_sessions
    union all
    select
        2 as rank,
        regular_sessions.*
    from regular_sessions
    union all
    select
        3 as rank,
        unscheduled_sessions.*
    from unscheduled_sessions

),

own_sessions as (

    select distinct on (all_sessions.exchange, all_sessions.segment, all_sessions.session_date)
        all_sessions.exchange,
        all_sessions.segment,
        all_sessions.session_date,
        (all_sessions.session_date + all_sessions.opens_at::time) at time zone exchanges.time_zone as opens_at,
        (all_sessions.session_date + all_sessions.closes_at::time) at time zone exchanges.time_zone as closes_at,
        all_sessions.kind,
        all_sessions.source,
        all_sessions.is_provisional,
        false as has_other_hours
    from all_sessions
    inner join exchanges on all_sessions.exchange = exchanges.exchange
    order by
        all_sessions.exchange asc, all_sessions.segment asc, all_sessions.session_date asc, all_sessions.rank asc

),

-- Of the other exchanges, only those that a load names.
calendars as (

    select
        calendars.*,
        exchanges.segments
    from {{ source('enrichment', 'exchange_calendars') }} as calendars
    inner join exchanges on calendars.exchange = exchanges.exchange
    where exchanges.calendar <> 'seeds'

),

sessions_of_calendars as (

    select
        calendars.exchange,
        calendars.segments,
        sessions.session_date,
        sessions.opens_at,
        sessions.closes_at,
        calendars.written_by || ' ' || calendars.calendar as source,
        false as is_provisional
    from calendars
    inner join {{ source('enrichment', 'exchange_sessions') }} as sessions on calendars.exchange = sessions.exchange
    union all
    select
        calendars.exchange,
        calendars.segments,
        each_day.day_start::date as session_date,
        null as opens_at,
        null as closes_at,
        calendars.written_by || ' ' || calendars.calendar || ' has no such day' as source,
        true as is_provisional
    from calendars
    cross join
        generate_series(
            least(date '{{ first_day }}', calendars.first_day),
            calendars.last_day + interval '5 years',
            interval '1 day'
        ) as each_day (day_start)
    where
        each_day.day_start::date not between calendars.first_day and calendars.last_day
        and extract(isodow from each_day.day_start) <= 5

),

other_sessions as (

    select
        sessions_of_calendars.exchange,
        segments.segment,
        sessions_of_calendars.session_date,
        sessions_of_calendars.opens_at,
        sessions_of_calendars.closes_at,
        'regular' as kind,
        sessions_of_calendars.source,
        sessions_of_calendars.is_provisional,
        true as has_other_hours
    from sessions_of_calendars
    cross join lateral string_to_table(sessions_of_calendars.segments, '|') as segments (segment)

),

dated as (

    select * from own_sessions
    union all
    select * from other_sessions

)

select * from dated
