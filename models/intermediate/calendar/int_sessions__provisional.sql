with

slices as (

    select
        slices.exchange,
        slices.session_date
    from {{ ref('int_loads__slices') }} as slices
    inner join {{ source('audit', 'current_loads') }} as current_loads on slices.load_id = current_loads.load_id
    group by slices.exchange, slices.session_date

),

provisional_dates as (

    select
        exchange,
        session_date
    from {{ ref('int_sessions__dated') }}
    where is_provisional
    group by exchange, session_date

),

on_file as (

    select
        provisional_dates.exchange,
        count(*) as sessions,
        min(provisional_dates.session_date) as first_session,
        max(provisional_dates.session_date) as last_session
    from provisional_dates
    inner join slices
        on provisional_dates.exchange = slices.exchange and provisional_dates.session_date = slices.session_date
    group by provisional_dates.exchange

),

advised as (

    select
        exchange,
        sessions,
        first_session,
        last_session,
        format(
            'the calendar of %s is provisional for %s on file (%s): no list of its holidays is published for them in'
            || ' seeds/%s_holidays.csv',
            exchange,
            case when sessions = 1 then '1 session' else sessions || ' sessions' end,
            case when sessions = 1 then first_session::text else first_session || ' to ' || last_session end,
            lower(exchange)
        ) as advice
    from on_file

)

select * from advised
