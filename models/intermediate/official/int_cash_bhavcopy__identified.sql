with

rows_of_files as (

    select * from {{ ref('int_share_days__delivered') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'cash'

),

identified as (

    select
        -- ids
        rows_of_files.exchange,
        'equity' as instrument_type,
        rows_of_files.symbol,
        rows_of_files.series,
        rows_of_files.symbol || ' ' || rows_of_files.series as vendor_symbol,
        rows_of_files.isin,

        -- times: the row is known at the close of its session
        rows_of_files.session_date,
        {{ bounds_of_session('rows_of_files') }},

        -- prices
        rows_of_files.is_traded,
        rows_of_files.open,
        rows_of_files.high,
        rows_of_files.low,
        rows_of_files.close,
        rows_of_files.last_price,
        rows_of_files.previous_close,
        rows_of_files.average_price,

        -- quantities
        rows_of_files.volume,
        rows_of_files.turnover,
        rows_of_files.trades,
        rows_of_files.delivered_volume,

        -- judgement
        rows_of_files.file_rank,
        coalesce(
            rows_of_files.quarantine_reason,
            case when sessions.session_date is null then 'no session on this date' end
        ) as quarantine_reason,

        -- provenance
        rows_of_files.load_id,
        rows_of_files.line

    from rows_of_files
    left join sessions
        on rows_of_files.exchange = sessions.exchange and rows_of_files.session_date = sessions.session_date
    left join exchanges on rows_of_files.exchange = exchanges.exchange

)

select * from identified
