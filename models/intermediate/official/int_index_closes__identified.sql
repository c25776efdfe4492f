with

rows_of_files as (

    select * from {{ ref('int_index_days__delivered') }}

),

underlying_names as (

    select * from {{ ref('underlying_names') }}
    where instrument_type = 'index'

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'index'

),

identified as (

    select
        -- ids: an index that nothing is derived from has no symbol but its name
        rows_of_files.exchange,
        rows_of_files.index_name as vendor_symbol,
        'index' as instrument_type,
        coalesce(underlying_names.underlying, rows_of_files.index_name) as underlying,

        -- times: the row is known at the close of its session
        rows_of_files.session_date,
        {{ bounds_of_session('rows_of_files') }},

        -- values, in points
        rows_of_files.open,
        rows_of_files.high,
        rows_of_files.low,
        rows_of_files.close,

        -- what the file says of the members
        rows_of_files.volume,
        rows_of_files.turnover,
        rows_of_files.price_to_earnings,
        rows_of_files.price_to_book,
        rows_of_files.dividend_yield,

        -- judgement
        coalesce(
            rows_of_files.quarantine_reason,
            case when sessions.session_date is null then 'no session on this date' end
        ) as quarantine_reason,

        -- provenance
        rows_of_files.load_id,
        rows_of_files.line

    from rows_of_files
    left join underlying_names
        on rows_of_files.exchange = underlying_names.exchange
        and rows_of_files.index_name = underlying_names.vendor_name
    left join sessions
        on rows_of_files.exchange = sessions.exchange and rows_of_files.session_date = sessions.session_date
    left join exchanges on rows_of_files.exchange = exchanges.exchange

)

select * from identified
