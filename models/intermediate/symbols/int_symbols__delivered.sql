with

-- Dates are read after the grouping, once per distinct text.
gfdl_dates_of_symbols as (

    select
        vendor_symbol,
        vendor_expiry,
        vendor_date,
        min(load_id) as load_id
    from {{ ref('stg_gfdl__minute_bars') }}
    where
        load_id = any({{ loads_to_build('int_symbols__parsed') }})
        and vendor_symbol is not null
        and vendor_expiry is not null
    group by vendor_symbol, vendor_expiry, vendor_date

),

gfdl_symbols as (

    select
        vendor_symbol,
        vendor_expiry,
        min(({{ vendor_date('vendor_date') }})) as first_session,
        min(load_id) as load_id
    from gfdl_dates_of_symbols
    group by vendor_symbol, vendor_expiry

),

-- The files are of NSE's segments; what else they name says so itself.
gfdl_texts as (

    select
        'gfdl' as dialect,
        vendor_symbol,
        vendor_expiry,
        'NSE' as exchange,
        false as states_parts,
        null::text as instrument_type,
        null::text as underlying,
        ({{ vendor_date('vendor_expiry') }}) as expiry,
        null::numeric as strike,
        null::text as option_type,
        first_session,
        load_id
    from gfdl_symbols

),

-- The exchange's own rows, and lists of instruments, carry every part in a column of its own.
exchange_deliveries as (

    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        'NSE' as exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        session_date,
        load_id
    from {{ ref('stg_nse__fo_bhavcopy') }}
    where
        load_id = any({{ loads_to_build('int_symbols__parsed') }})
        and vendor_symbol is not null
        and vendor_expiry is not null
        -- its row says other terms than its name: of which contract it is nobody can tell
        and quarantine_reason is distinct from 'symbol differs from the terms in the row'
    union all
    select
        'nse' as dialect,
        vendor_symbol,
        vendor_expiry,
        exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        session_date,
        load_id
    from {{ ref('stg_kite__instruments') }}
    where
        load_id = any({{ loads_to_build('int_symbols__parsed') }})
        and instrument_type in ('option', 'future')
        and exchange = 'NSE'
        and quarantine_reason is null
    union all
    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        'NSE' as exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        session_date,
        load_id
    from {{ ref('stg_nse__option_chain') }}
    where load_id = any({{ loads_to_build('int_symbols__parsed') }}) and vendor_expiry is not null

),

-- What most rows say counts, not one wrong cell.
exchange_rows as (

    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        exchange,
        true as states_parts,
        mode() within group (order by instrument_type) as instrument_type,
        mode() within group (order by underlying) as underlying,
        mode() within group (order by expiry) as expiry,
        mode() within group (order by strike) as strike,
        mode() within group (order by option_type) as option_type,
        min(session_date) as first_session,
        min(load_id) as load_id
    from exchange_deliveries
    group by dialect, vendor_symbol, vendor_expiry, exchange

),

delivered as (

    select * from gfdl_texts
    union all
    select * from exchange_rows

)

select * from delivered
