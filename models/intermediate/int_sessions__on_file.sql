with

listed as (

    select * from {{ ref('int_series__listed') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where exchange = 'NSE' and segment = 'fo'

),

on_file as (

    select
        listed.underlying,
        listed.instrument_type,
        listed.session_date,
        -- as int_fo_bhavcopy__identified has it, so that a day's rows are found by their key
        coalesce(min(sessions.opens_at), min(listed.bar_start)) as opens_at
    from listed
    left join sessions on listed.session_date = sessions.session_date
    group by listed.underlying, listed.instrument_type, listed.session_date

),

with_previous as (

    select
        underlying,
        instrument_type,
        session_date,
        lag(session_date) over earlier as previous_session_date,
        lag(opens_at) over earlier as previous_opens_at
    from on_file
    window earlier as (partition by underlying, instrument_type order by session_date)

)

select * from with_previous
