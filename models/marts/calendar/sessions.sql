with

sessions as (

    select
        exchange,
        segment,
        session_date,
        opens_at,
        closes_at,
        kind,
        is_provisional,
        source
    from {{ ref('int_sessions__dated') }}

)

select * from sessions
