{{ config(materialized='reference', meta={'key': ['exchange', 'session_date'], 'prices_options': true}) }}

with

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo' and opens_at is not null

),

-- A day of trading time is a session of ordinary length, on a Saturday too. An hour of Muhurat, or the rehearsal of a
-- switch to another site, is no such day: it has the number of the session before, and nothing of it is left.
judged as (

    select
        exchange,
        session_date,
        opens_at,
        closes_at,
        is_provisional,
        closes_at - opens_at >= interval '5 hours' as is_whole
    from sessions

),

published as (

    select
        exchange,
        count(*) filter (where is_whole) as last_number,
        min(session_date) as first_session,
        max(session_date) as last_session
    from judged
    where not is_provisional
    group by exchange

),

counted as (

    select
        judged.*,
        count(*) filter (where is_whole and not is_provisional) over (
            partition by exchange order by session_date
        ) as number
    from judged

),

-- Beyond the published calendar nobody knows which weekdays will be holidays: there 252 of 365 days are sessions.
numbered as (

    select
        counted.exchange,
        counted.session_date,
        counted.opens_at,
        counted.closes_at,
        counted.is_whole,
        case
            when counted.session_date > published.last_session
                then published.last_number + (counted.session_date - published.last_session) * 252 / 365.0
            when counted.session_date < published.first_session
                then 1 + (counted.session_date - published.first_session) * 252 / 365.0
            else counted.number
        end::double precision as number,
        published.last_number,
        published.first_session,
        published.last_session
    from counted
    inner join published on counted.exchange = published.exchange

)

select * from numbered
