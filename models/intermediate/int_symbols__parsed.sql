{#- Every source is followed: what comes after takes its loads from here. Shares and index closes bring no symbols of contracts. -#}
{{ config(
    materialized='by_load',
    full_refresh=false,
    meta={
        'built_from': 'ledger',
        'sources': ['nse-minute', 'nse-bhavcopy', 'nse-cash', 'nse-index', 'kite-instruments'], 'keeps': 'everything',
        'judges_again': ['terms differ from the contract of that symbol'],
    },
) }}

with

-- Dates are read after the grouping, once per distinct text.
gfdl_dates_of_symbols as (

    select
        vendor_symbol,
        vendor_expiry,
        vendor_date,
        min(load_id) as load_id
    from {{ ref('stg_gfdl__minute_bars') }}
    where load_id = any({{ loads_to_build() }}) and vendor_symbol is not null
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

underlying_names as (

    select * from {{ ref('underlying_names') }}

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
    where load_id = any({{ loads_to_build() }}) and vendor_symbol is not null
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
        load_id = any({{ loads_to_build() }})
        and instrument_type in ('option', 'future')
        and exchange = 'NSE'
        and quarantine_reason is null

),

-- What most rows say counts, not one wrong cell.
exchange_rows as (

    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        exchange,
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

exchange_symbols as (

    select
        exchange_rows.*,
        case
            when instrument_type is null then 'unknown instrument type'
            when expiry is null then 'impossible expiry date: ' || vendor_expiry
            when instrument_type = 'option' and strike is null then 'option without a strike'
            when instrument_type = 'option' and coalesce(option_type, '') not in ('CE', 'PE')
                then 'option that is neither CE nor PE'
        end as unknown_reason
    from exchange_rows

),

-- <UNDERLYING>DDMMMYY(<STRIKE>(CE|PE)|FUT): two digits stand before the month, so the text has one reading.
gfdl_parts as (

    select
        gfdl_symbols.vendor_symbol,
        gfdl_symbols.vendor_expiry,
        gfdl_symbols.first_session,
        gfdl_symbols.load_id,
        ({{ vendor_date('gfdl_symbols.vendor_expiry') }}) as expiry_column,
        names.body,
        regexp_match(
            names.body, '^(.+)(\d\d)(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(\d\d)(\d+(?:\.\d+)?)(CE|PE)$'
        ) as option_parts,
        regexp_match(
            names.body, '^(.+)(\d\d)(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(\d\d)FUT$'
        ) as future_parts,
        regexp_match(names.body, '^(.+)-(I|II|III)$') as continuous_parts
    from gfdl_symbols
    cross join lateral (
        select regexp_replace(
            upper(btrim(gfdl_symbols.vendor_symbol)), '\.(NFO|NSE_IDX|NC\.NSE|NSE)$', ''
        ) as body
    ) as names

),

gfdl_dates as (

    select
        gfdl_parts.*,
        coalesce(option_parts, future_parts) as parts,
        case
            when pg_input_is_valid(dated.text, 'date') then dated.text::date
        end as symbol_expiry
    from gfdl_parts
    cross join lateral (
        select
            '20' || (coalesce(option_parts, future_parts))[4]
            || '-' || (array_position(
                array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
                (coalesce(option_parts, future_parts))[3]
            ))::text
            || '-' || (coalesce(option_parts, future_parts))[2] as text
    ) as dated

),

gfdl_parsed as (

    select
        'gfdl' as dialect,
        gfdl_dates.vendor_symbol,
        gfdl_dates.vendor_expiry,
        'NSE' as exchange,
        case
            when gfdl_dates.option_parts is not null then 'option'
            when gfdl_dates.future_parts is not null then 'future'
            when gfdl_dates.continuous_parts is not null and gfdl_dates.expiry_column is not null then 'future'
            when indices.underlying is not null then 'index'
        end as instrument_type,
        coalesce(gfdl_dates.parts[1], gfdl_dates.continuous_parts[1], indices.underlying) as underlying,
        case
            when gfdl_dates.parts is not null then gfdl_dates.symbol_expiry
            when gfdl_dates.continuous_parts is not null then gfdl_dates.expiry_column
        end as expiry,
        gfdl_dates.option_parts[5]::numeric as strike,
        gfdl_dates.option_parts[6] as option_type,
        gfdl_dates.first_session,
        gfdl_dates.load_id,
        case
            when gfdl_dates.body ~ '\.(BFO|BSE_IDX|BSE)$' then 'contract of another exchange'
            when gfdl_dates.body like '%BACKADJUSTED%' then 'back-adjusted future, not a contract'
            when
                gfdl_dates.parts is not null and gfdl_dates.symbol_expiry is null
                then 'impossible expiry in the symbol'
            when gfdl_dates.parts is not null and gfdl_dates.expiry_column <> gfdl_dates.symbol_expiry
                then 'expiry in the symbol differs from the expiry column'
            when gfdl_dates.continuous_parts is not null and gfdl_dates.expiry_column is null
                then 'continuous future without an expiry, not a contract'
            when gfdl_dates.parts is null and gfdl_dates.continuous_parts is null and indices.underlying is null
                then 'unknown symbol grammar'
        end as unknown_reason
    from gfdl_dates
    left join underlying_names as indices
        on gfdl_dates.body = indices.vendor_name and indices.instrument_type = 'index'

),

parsed as (

    select * from gfdl_parsed
    union all
    select * from exchange_symbols

),

-- A symbol is read again if it could not be read, or if the load that it was read from counts no longer: what a wrong
-- file said of a contract goes with that file.
to_be_read as (

    select parsed.*
    from parsed
    where not exists (
        select 1 from {{ this }} as known
        where
            known.dialect = parsed.dialect
            and known.vendor_symbol = parsed.vendor_symbol
            and known.vendor_expiry = parsed.vendor_expiry
            and known.unknown_reason is null
            and known.load_id in (
                select current_loads.load_id from {{ source('audit', 'current_loads') }} as current_loads
            )
    )

)

select * from to_be_read
