with

rows_of_files as (

    select * from {{ ref('int_contract_days__delivered') }}

),

symbols as (

    select * from {{ ref('int_symbols__identified') }}

),

decided_lots as (

    select * from {{ ref('int_fo_bhavcopy__lots') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

identified as (

    select
        -- ids
        rows_of_files.vendor_symbol,
        rows_of_files.exchange_token,
        symbols.contract_id,
        rows_of_files.exchange,
        rows_of_files.instrument_type,
        rows_of_files.underlying,
        rows_of_files.expiry,
        rows_of_files.strike,
        rows_of_files.option_type,

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
        rows_of_files.settlement_price,
        rows_of_files.underlying_price,

        -- quantities
        coalesce(rows_of_files.lot_size, decided_lots.lot_size) as lot_size,
        case
            when rows_of_files.lot_size is not null then 'bhavcopy' else decided_lots.decided_by
        end as lot_size_decided_by,
        coalesce(rows_of_files.volume, rows_of_files.lots_traded * decided_lots.lot_size) as volume,
        rows_of_files.open_interest,
        rows_of_files.stated_change_in_open_interest,
        rows_of_files.trades,
        rows_of_files.turnover,

        -- judgement
        rows_of_files.file_rank,
        coalesce(
            rows_of_files.quarantine_reason,
            case
                when symbols.vendor_symbol is null then 'symbol is missing'
                when symbols.unknown_reason is not null then symbols.unknown_reason
                when
                    rows_of_files.underlying is distinct from symbols.underlying
                    or rows_of_files.strike is distinct from symbols.strike
                    or rows_of_files.option_type is distinct from symbols.option_type
                    then 'terms differ from the contract of that symbol'
                when sessions.session_date is null then 'no session on this date'
                when rows_of_files.session_date > rows_of_files.expiry then 'after the expiry of the contract'
            end
        ) as quarantine_reason,

        -- provenance
        rows_of_files.load_id,
        rows_of_files.line

    from rows_of_files
    left join symbols
        on rows_of_files.dialect = symbols.dialect
        and rows_of_files.vendor_symbol = symbols.vendor_symbol
        and rows_of_files.vendor_expiry = symbols.vendor_expiry
    left join sessions
        on rows_of_files.exchange = sessions.exchange and rows_of_files.session_date = sessions.session_date
    left join exchanges on rows_of_files.exchange = exchanges.exchange
    left join decided_lots
        on rows_of_files.lot_size is null
        and rows_of_files.load_id = decided_lots.load_id
        and rows_of_files.session_date = decided_lots.session_date
        and rows_of_files.exchange = decided_lots.exchange
        and rows_of_files.instrument_type = decided_lots.instrument_type
        and rows_of_files.underlying = decided_lots.underlying
        and rows_of_files.expiry = decided_lots.expiry

)

select * from identified
