with

contracts as (

    select * from {{ ref('int_contracts__described') }}
    where instrument_type = 'future'

),

last_known as (

    {{ contracts_as_last_known('int_futures__quotes_deduped') }}

),

futures_metadata as (

    select
        contract_id,
        symbol,
        exchange,
        underlying,
        expiry,
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

select * from futures_metadata
