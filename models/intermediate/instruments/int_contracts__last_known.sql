with

-- read twice, and each time only for what the caller asks for
contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

options as (

    {{ contracts_as_last_known('option', 'int_options__quotes_deduped') }}

),

futures as (

    {{ contracts_as_last_known('future', 'int_futures__quotes_deduped') }}

),

both_types as (

    select * from options
    union all
    select * from futures

),

last_known as (

    select
        contract_id,
        symbol,
        exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        lot_size,
        lot_size_decided_by,
        tick_size,
        -- quantities are counted in units of the underlying, lots already multiplied out
        1::numeric as contract_multiplier,
        exchange_symbol,
        first_session,
        last_session,
        expires_at
    from both_types
    -- an id outlives the loads that brought it; without them there is nothing to say of the contract
    where last_session is not null

)

select * from last_known
