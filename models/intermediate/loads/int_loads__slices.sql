{{ config(
    materialized='by_load',
    full_refresh=false,
    indexes=[{'columns': ['session_date', 'slice_group']}],
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

whole_markets as (

    select load_id from {{ source('audit', 'loads') }}
    where raw_table in ({{ raw_tables_of_whole_markets() }})

),

-- A day's shares come in one file of all of them, or symbol by symbol.
share_slices as (

    select
        share_days.load_id,
        'equity' as instrument_type,
        share_days.exchange,
        case when whole_markets.load_id is null then share_days.symbol else '*' end as slice_group,
        share_days.session_date,
        min(share_days.line) as first_line,
        max(share_days.line) as last_line
    from {{ ref('int_share_days__delivered') }} as share_days
    left join whole_markets on share_days.load_id = whole_markets.load_id
    where share_days.load_id = any({{ loads_to_build() }})
    group by
        share_days.load_id,
        share_days.exchange,
        case when whole_markets.load_id is null then share_days.symbol else '*' end,
        share_days.session_date

),

index_slices as (

    select
        load_id,
        instrument_type,
        exchange,
        underlying as slice_group,
        session_date,
        min(line) as first_line,
        max(line) as last_line
    from {{ ref('int_index_closes__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null
    group by load_id, instrument_type, exchange, underlying, session_date

),

contract_slices as (

    select
        keys.load_id,
        symbols.instrument_type,
        symbols.exchange,
        symbols.underlying as slice_group,
        keys.session_date,
        min(keys.first_line) as first_line,
        max(keys.last_line) as last_line
    from keys
    inner join symbols
        on keys.dialect = symbols.dialect
        and keys.vendor_symbol = symbols.vendor_symbol
        and keys.vendor_expiry = symbols.vendor_expiry
    group by keys.load_id, symbols.instrument_type, symbols.exchange, symbols.underlying, keys.session_date

),

slices as (

    select * from contract_slices
    union all
    select * from share_slices
    union all
    select * from index_slices

),

-- A load whose restatement was taken back counts again: its slices are known from the first time. A slice is recorded
-- anew if it has more lines than were known, or if none were known.
not_yet_known as (

    select slices.*
    from slices
    where slices.session_date is not null and slices.slice_group is not null and not exists (
        select 1 from {{ this }} as known
        where
            known.load_id = slices.load_id
            and known.instrument_type = slices.instrument_type
            and known.exchange = slices.exchange
            and known.slice_group = slices.slice_group
            and known.session_date = slices.session_date
            and known.first_line <= slices.first_line
            and known.last_line >= slices.last_line
    )

)

select * from not_yet_known
