with

symbols as (

    select * from {{ ref('int_symbols__parsed') }}

),

registered as (

    select * from {{ ref('int_contracts__registered') }}

),

identified as (

    select
        symbols.dialect,
        symbols.vendor_symbol,
        symbols.vendor_expiry,
        symbols.exchange,
        symbols.instrument_type,
        symbols.underlying,
        symbols.expiry,
        symbols.strike,
        symbols.option_type,
        registered.contract_id,
        symbols.load_id,
        symbols.unknown_reason,
        symbols.first_session,
        symbols.expiry_decided_by
    from symbols
    left join registered
        on symbols.dialect = registered.dialect
        and symbols.vendor_symbol = registered.vendor_symbol
        and symbols.vendor_expiry = registered.vendor_expiry

)

select * from identified
