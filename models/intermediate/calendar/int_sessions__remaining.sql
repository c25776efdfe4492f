with

exchanges as (

    select
        exchange,
        time_zone
    from {{ ref('exchanges') }}
    where calendar = 'seeds'

),

-- A special session says nothing of the days around it.
regular_sessions as (

    select
        exchange,
        segment,
        max(session_date) as last_session
    from {{ ref('int_sessions__dated') }}
    where kind = 'regular' and not is_provisional
    group by
        exchange,
        segment

),

-- The segment that ends first decides.
ends as (

    select
        exchanges.exchange,
        exchanges.time_zone,
        min(regular_sessions.last_session) as last_session
    from exchanges
    left join regular_sessions on exchanges.exchange = regular_sessions.exchange
    group by exchanges.exchange, exchanges.time_zone

),

remaining as (

    select
        exchange,
        last_session,
        last_session - {{ today('time_zone') }} as days_left
    from ends

),

advised as (

    select
        exchange,
        last_session,
        days_left,
        case
            when last_session is null
                then
                    format(
                        'the calendar of %s sessions is empty: seeds/%s_holidays.csv fills it',
                        exchange, lower(exchange)
                    )
            when days_left <= 60
                then
                    format(
                        'the calendar of %s sessions %s, on %s: after that every weekday counts as a session,'
                        || ' provisionally. Append the exchange''s holidays of %s to seeds/%s_holidays.csv,'
                        || ' then run: tickmart build',
                        exchange,
                        case
                            when days_left > 1 then format('ends in %s days', days_left)
                            when days_left = 1 then 'ends tomorrow'
                            when days_left = 0 then 'ends today'
                            else 'has ended'
                        end,
                        last_session,
                        extract(year from last_session) + 1,
                        lower(exchange)
                    )
        end as advice
    from remaining

)

select * from advised
