{{ config(materialized='reference', meta={'key': ['exchange', 'session_date']}) }}

with

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo' and opens_at is not null

),

-- A special session, of an hour or on a Saturday, is no day of the year by which volatility is counted: it has its
-- neighbour's number.
numbered as (

    select
        exchange,
        session_date,
        opens_at,
        closes_at,
        count(*) filter (where kind = 'regular') over (
            partition by exchange order by session_date
        ) as number,
        count(*) filter (where kind = 'regular') over (partition by exchange) as last_number,
        max(session_date) over (partition by exchange) as last_session
    from sessions

)

select * from numbered
