with

options_metadata as (

    select
        contract_id,
        symbol,
        exchange,
        underlying,
        expiry,
        strike,
        option_type,
        lot_size,
        lot_size_decided_by,
        tick_size,
        contract_multiplier,
        exchange_symbol,
        first_session,
        last_session,
        expires_at
    from {{ ref('int_contracts__last_known') }}
    where instrument_type = 'option'

)

select * from options_metadata
