{#- Numbers of contracts and of everything else come from two counters, so that neither waits for the other: that of
    contracts begins with 1, this one with 2 to the power of 40 (docs/decisions/0142). -#}
{%- set first_id = 1099511627776 -%}
{{ config(
    materialized='by_load',
    full_refresh=false,
    meta={'built_from': ['int_loads__slices'], 'keeps': 'everything'},
) }}

-- depends_on: {{ ref('int_loads__slices') }}

with

known as (

    select * from {{ this }}

),

listed_underlyings as (

    select * from {{ ref('listed_underlyings') }}

),

shares as (

    select
        'shares' as dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        symbol,
        series,
        min(session_date) as first_session
    from {{ ref('int_cash_bhavcopy__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null
    group by vendor_symbol, exchange, instrument_type, symbol, series

),

index_closes as (

    select
        'index closes' as dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        underlying as symbol,
        '' as series,
        min(session_date) as first_session
    from {{ ref('int_index_closes__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null
    group by vendor_symbol, exchange, instrument_type, underlying

),

symbols as (

    select * from {{ ref('int_symbols__parsed') }}
    where load_id = any({{ loads_to_build() }}) and unknown_reason is null

),

symbols_of_others as (

    select
        dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        underlying as symbol,
        '' as series,
        min(first_session) as first_session
    from symbols
    where instrument_type not in ('option', 'future')
    group by dialect, vendor_symbol, exchange, instrument_type, underlying

),

-- An index exists if contracts on it exist, even if no file has rows of the index itself.
indices_of_contracts as (

    select
        'underlying' as dialect,
        symbols.underlying as vendor_symbol,
        symbols.exchange,
        'index' as instrument_type,
        symbols.underlying as symbol,
        '' as series,
        min(symbols.first_session) as first_session
    from symbols
    inner join listed_underlyings
        on symbols.underlying = listed_underlyings.underlying and symbols.exchange = listed_underlyings.exchange
    where symbols.instrument_type in ('option', 'future')
    group by symbols.underlying, symbols.exchange

),

brought as (

    select * from shares
    union all
    select * from index_closes
    union all
    select * from symbols_of_others
    union all
    select * from indices_of_contracts

),

known_instruments as (

    select
        exchange,
        instrument_type,
        symbol,
        series,
        min(instrument_id) as instrument_id
    from known
    group by exchange, instrument_type, symbol, series

),

new_instruments as (

    select
        brought.exchange,
        brought.instrument_type,
        brought.symbol,
        brought.series,
        (select coalesce(max(known.instrument_id), {{ first_id - 1 }}) from known)
        + row_number() over (
            order by brought.instrument_type, brought.exchange, brought.symbol, brought.series
        ) as instrument_id
    from brought
    where
        not exists (
            select 1 from known_instruments
            where
                known_instruments.exchange = brought.exchange
                and known_instruments.instrument_type = brought.instrument_type
                and known_instruments.symbol = brought.symbol
                and known_instruments.series = brought.series
        )
    group by brought.exchange, brought.instrument_type, brought.symbol, brought.series

),

numbered as (

    select
        brought.dialect,
        brought.vendor_symbol,
        coalesce(known_instruments.instrument_id, new_instruments.instrument_id) as instrument_id,
        brought.exchange,
        brought.instrument_type,
        brought.symbol,
        brought.series,
        brought.first_session
    from brought
    left join known_instruments
        on brought.exchange = known_instruments.exchange
        and brought.instrument_type = known_instruments.instrument_type
        and brought.symbol = known_instruments.symbol
        and brought.series = known_instruments.series
    left join new_instruments
        on brought.exchange = new_instruments.exchange
        and brought.instrument_type = new_instruments.instrument_type
        and brought.symbol = new_instruments.symbol
        and brought.series = new_instruments.series

),

-- New instruments, and known ones that are now known from an earlier day on.
registered as (

    select
        numbered.dialect,
        numbered.vendor_symbol,
        numbered.instrument_id,
        numbered.exchange,
        numbered.instrument_type,
        numbered.symbol,
        numbered.series,
        least(numbered.first_session, known.first_session) as first_session
    from numbered
    left join known
        on numbered.dialect = known.dialect
        and numbered.vendor_symbol = known.vendor_symbol
        and numbered.instrument_id = known.instrument_id
    where
        known.instrument_id is null
        or numbered.first_session < coalesce(known.first_session, 'infinity')

)

select * from registered
