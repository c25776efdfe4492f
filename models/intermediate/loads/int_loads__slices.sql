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

keys as (

    select * from {{ ref('int_loads__keys') }}
    -- a list of instruments has no rows that compete
    where load_id = any({{ loads_to_build() }}) and shape <> 'instruments'

),

share_dates as (

    select
        load_id,
        exchange,
        session_date,
        min(line) as first_line,
        max(line) as last_line
    from {{ ref('int_share_days__delivered') }}
    where load_id = any({{ loads_to_build() }})
    group by load_id, exchange, session_date

),

index_slices as (

    select
        load_id,
        'index' as instrument_type,
        underlying,
        session_date,
        min(line) as first_line,
        max(line) as last_line
    from {{ ref('int_index_closes__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null
    group by load_id, underlying, session_date

),

contract_slices as (

    select
        keys.load_id,
        symbols.instrument_type,
        symbols.underlying,
        keys.session_date,
        min(keys.first_line) as first_line,
        max(keys.last_line) as last_line
    from keys
    inner join symbols
        on keys.dialect = symbols.dialect
        and keys.vendor_symbol = symbols.vendor_symbol
        and keys.vendor_expiry = symbols.vendor_expiry
    group by keys.load_id, symbols.instrument_type, symbols.underlying, keys.session_date

),

-- A day's shares come in one file: they are one slice, named for their exchange.
slices as (

    select * from contract_slices
    union all
    select
        load_id,
        'equity' as instrument_type,
        exchange as underlying,
        session_date,
        first_line,
        last_line
    from share_dates
    union all
    select * from index_slices

),

-- A load whose restatement was taken back counts again: its slices are known from the first time. A slice
-- that has more lines than were known, or none, is recorded anew.
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
            and known.first_line <= slices.first_line
            and known.last_line >= slices.last_line
    )

)

select * from not_yet_known
