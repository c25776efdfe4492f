with

sessions_on_file as (

    select * from {{ ref('int_sessions__on_file') }}

),

cut_sessions as (

    select * from {{ ref('int_sessions__cut') }}

),

-- For contracts, a session that is cut is not whole either.
incomplete as (

    select
        exchange,
        underlying,
        instrument_type,
        session_date
    from sessions_on_file
    where not is_whole
    union all
    select
        exchange,
        slice_group as underlying,
        instrument_type,
        session_date
    from cut_sessions
    where instrument_type in ('index', 'equity')

)

select * from incomplete
