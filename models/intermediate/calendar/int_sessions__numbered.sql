{{ config(materialized='reference', meta={'key': ['exchange', 'session_date']}) }}

with

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo' and opens_at is not null

),

-- A day of trading time is a session of ordinary length, on a Saturday too. An hour of Muhurat, or the rehearsal of a
-- switch to another site, is none: it has its predecessor's number, and nothing of it is left.
judged as (

    select
        exchange,
        session_date,
        opens_at,
        closes_at,
        closes_at - opens_at >= interval '5 hours' as is_whole
    from sessions

),

numbered as (

    select
        exchange,
        session_date,
        opens_at,
        closes_at,
        is_whole,
        count(*) filter (where is_whole) over (partition by exchange order by session_date) as number,
        count(*) filter (where is_whole) over (partition by exchange) as last_number,
        max(session_date) over (partition by exchange) as last_session
    from judged

)

select * from numbered
