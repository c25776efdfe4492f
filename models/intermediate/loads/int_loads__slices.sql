{{ config(
    materialized='by_load',
    full_refresh=false,
    indexes=[{'columns': ['underlying', 'session_date']}],
    meta={'built_from': ['int_contracts__registered'], 'keeps': 'everything'},
) }}

with

symbols as (

    select * from {{ ref('int_symbols__identified') }}
    where unknown_reason is null

),

-- Dates are read after the grouping, once per distinct text.
minute_bar_texts as (

    select
        load_id,
        vendor_symbol,
        vendor_expiry,
        vendor_date
    from {{ ref('stg_gfdl__minute_bars') }}
    where load_id = any({{ loads_to_build() }})
    group by load_id, vendor_symbol, vendor_expiry, vendor_date

),

minute_bar_dates as (

    select
        load_id,
        'gfdl' as dialect,
        vendor_symbol,
        vendor_expiry,
        ({{ vendor_date('vendor_date') }}) as session_date
    from minute_bar_texts

),

bhavcopy_dates as (

    select
        load_id,
        dialect,
        vendor_symbol,
        vendor_expiry,
        session_date
    from {{ ref('stg_nse__fo_bhavcopy') }}
    where load_id = any({{ loads_to_build() }})
    group by load_id, dialect, vendor_symbol, vendor_expiry, session_date

),

chain_dates as (

    select
        load_id,
        dialect,
        vendor_symbol,
        vendor_expiry,
        session_date
    from {{ ref('stg_nse__option_chain') }}
    where load_id = any({{ loads_to_build() }})
    group by load_id, dialect, vendor_symbol, vendor_expiry, session_date

),

cash_dates as (

    select
        load_id,
        session_date
    from {{ ref('stg_nse__cash_bhavcopy') }}
    where load_id = any({{ loads_to_build() }})
    group by load_id, session_date

),

index_slices as (

    select
        load_id,
        'index' as instrument_type,
        underlying,
        session_date
    from {{ ref('int_index_closes__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null
    group by load_id, underlying, session_date

),

dates as (

    select * from minute_bar_dates
    union all
    select * from bhavcopy_dates
    union all
    select * from chain_dates

),

contract_slices as (

    select
        dates.load_id,
        symbols.instrument_type,
        symbols.underlying,
        dates.session_date
    from dates
    inner join symbols
        on dates.dialect = symbols.dialect
        and dates.vendor_symbol = symbols.vendor_symbol
        and dates.vendor_expiry = symbols.vendor_expiry
    group by dates.load_id, symbols.instrument_type, symbols.underlying, dates.session_date

),

-- A day's shares come in one file: they are one slice, named for their exchange.
slices as (

    select * from contract_slices
    union all
    select
        load_id,
        'equity' as instrument_type,
        'NSE' as underlying,
        session_date
    from cash_dates
    union all
    select * from index_slices

),

-- A load whose restatement was taken back counts again: its slices are known from the first time.
not_yet_known as (

    select slices.*
    from slices
    where slices.session_date is not null and not exists (
        select 1 from {{ this }} as known
        where
            known.load_id = slices.load_id
            and known.instrument_type = slices.instrument_type
            and known.underlying = slices.underlying
            and known.session_date = slices.session_date
    )

)

select * from not_yet_known
