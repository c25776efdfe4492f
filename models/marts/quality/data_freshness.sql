with

current_loads as (

    select * from {{ source('audit', 'current_loads') }}

),

built_loads as (

    select * from {{ records_of_all('built_loads') }}
    where model = 'int_loads__slices'

),

slices as (

    select * from {{ ref('int_loads__slices') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

-- Provisional ones too: a calendar that has ended must not make everything look fresh.
closed_sessions as (

    select
        sessions.exchange,
        sessions.segment,
        sessions.session_date,
        sessions.closes_at,
        row_number() over (partition by sessions.exchange, sessions.segment order by sessions.session_date) as position
    from {{ ref('int_sessions__dated') }} as sessions
    inner join exchanges on sessions.exchange = exchanges.exchange
    where sessions.closes_at <= {{ moment_of_reading('exchanges.time_zone') }}

),

newest_closed as (

    select
        exchange,
        segment,
        max(session_date) as newest_closed_session,
        max(position) as newest_position
    from closed_sessions
    group by exchange, segment

),

-- A list of instruments covers several exchanges, some of which have no sessions here.
exchanges_of_lists as (

    select
        load_id,
        mode() within group (order by exchange) as exchange
    from {{ ref('int_series__dumped') }}
    where exchange in (select newest_closed.exchange from newest_closed)
    group by load_id

),

-- Lists of instruments say nothing about slices: they count for the day that was given when they were loaded. There are
-- thousands of shares: one row stands for all shares of an exchange, and bears the exchange's name.
dates as (

    select
        current_loads.source,
        slices.exchange,
        case slices.instrument_type when 'equity' then slices.exchange else slices.slice_group end as underlying,
        slices.instrument_type,
        slices.session_date
    from current_loads
    inner join built_loads on current_loads.load_id = built_loads.load_id
    inner join slices on current_loads.load_id = slices.load_id
    -- files of anybody's layout come when somebody has one: none is ever late
    where not current_loads.options ? 'reading'
    union all
    select
        current_loads.source,
        exchanges_of_lists.exchange,
        null as underlying,
        null as instrument_type,
        (current_loads.options ->> 'as_of')::date as session_date
    from current_loads
    inner join exchanges_of_lists on current_loads.load_id = exchanges_of_lists.load_id
    where current_loads.options ->> 'as_of' is not null

),

spans as (

    select
        source,
        exchange,
        underlying,
        instrument_type,
        case instrument_type when 'index' then 'index' when 'equity' then 'cash' else 'fo' end as segment,
        session_date
    from dates
    group by
        source,
        exchange,
        underlying,
        instrument_type,
        session_date

),

-- A date that is not a closed session, such as one with day and month swapped, is nothing new.
delivered as (

    select
        spans.source,
        spans.exchange,
        spans.underlying,
        spans.instrument_type,
        spans.segment,
        max(closed_sessions.session_date) as newest_session,
        coalesce(max(closed_sessions.position), 0) as newest_position
    from spans
    left join closed_sessions
        on spans.exchange = closed_sessions.exchange
        and spans.segment = closed_sessions.segment
        -- a list of instruments fetched on a day off is as new as the session before
        and case
            when spans.instrument_type is null then spans.session_date >= closed_sessions.session_date
            else spans.session_date = closed_sessions.session_date
        end
    group by
        spans.source,
        spans.exchange,
        spans.underlying,
        spans.instrument_type,
        spans.segment

),

data_freshness as (

    select
        delivered.source,
        delivered.underlying,
        delivered.exchange,
        delivered.instrument_type,
        delivered.newest_session,
        newest_closed.newest_closed_session,
        newest_closed.newest_position - delivered.newest_position as sessions_behind,
        first_missing.closes_at as behind_since
    from delivered
    inner join newest_closed
        on delivered.exchange = newest_closed.exchange and delivered.segment = newest_closed.segment
    left join closed_sessions as first_missing
        on delivered.exchange = first_missing.exchange
        and delivered.segment = first_missing.segment
        and delivered.newest_position + 1 = first_missing.position

)

select * from data_freshness
