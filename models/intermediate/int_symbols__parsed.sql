{{ config(
    materialized='by_load',
    full_refresh=false,
    meta={'built_from': 'ledger', 'sources': ['nse-minute', 'nse-bhavcopy'], 'keeps': 'everything'},
) }}

with

-- Dates are read after the grouping, once per distinct text.
gfdl_dates_of_symbols as (

    select
        vendor_symbol,
        vendor_expiry,
        vendor_date
    from {{ ref('stg_gfdl__minute_bars') }}
    where load_id = any({{ loads_to_build() }}) and vendor_symbol is not null
    group by vendor_symbol, vendor_expiry, vendor_date

),

gfdl_symbols as (

    select
        vendor_symbol,
        vendor_expiry,
        min(({{ vendor_date('vendor_date') }})) as first_session
    from gfdl_dates_of_symbols
    group by vendor_symbol, vendor_expiry

),

underlying_names as (

    select * from {{ ref('underlying_names') }}

),

-- The exchange's own rows carry every part in a column of its own.
exchange_symbols as (

    select
        'nse' as dialect,
        vendor_symbol,
        vendor_expiry,
        'NSE' as exchange,
        min(instrument_type) as instrument_type,
        min(underlying) as underlying,
        min(expiry) as expiry,
        min(strike) as strike,
        min(option_type) as option_type,
        min(session_date) as first_session,
        case
            when min(instrument_type) is null then 'unknown instrument type'
            when min(expiry) is null then 'impossible expiry date: ' || vendor_expiry
            when min(instrument_type) = 'option' and min(strike) is null then 'option without a strike'
            when min(instrument_type) = 'option' and coalesce(min(option_type), '') not in ('CE', 'PE')
                then 'option that is neither CE nor PE'
        end as unknown_reason
    from {{ ref('stg_nse__fo_bhavcopy') }}
    where load_id = any({{ loads_to_build() }}) and vendor_symbol is not null
    group by vendor_symbol, vendor_expiry

),

-- <UNDERLYING>DDMMMYY(<STRIKE>(CE|PE)|FUT): two digits stand before the month, so the text has one reading.
gfdl_parts as (

    select
        gfdl_symbols.vendor_symbol,
        gfdl_symbols.vendor_expiry,
        gfdl_symbols.first_session,
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
            upper(btrim(gfdl_symbols.vendor_symbol)), '\.(NFO|NSE_IDX|NC\.NSE|NSE|BFO|BSE_IDX)$', ''
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
        case
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

not_yet_known as (

    select parsed.*
    from parsed
    where not exists (
        select 1 from {{ this }} as known
        where
            known.dialect = parsed.dialect
            and known.vendor_symbol = parsed.vendor_symbol
            and known.vendor_expiry = parsed.vendor_expiry
    )

)

select * from not_yet_known
