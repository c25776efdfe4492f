with

contracts as (

    select * from {{ ref('int_contracts__described') }}
    where instrument_type = 'option'

),

last_known as (

    {{ contracts_as_last_known('int_options__quotes_deduped') }}

),

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
        exchange_symbol,
        first_session,
        last_session,
        expires_at
    from last_known
    -- an id outlives the loads that brought it; without them there is nothing to say of the contract
    where last_session is not null

)

select * from options_metadata
