with

days as (

    select * from {{ ref('int_futures__days_rolled') }}

),

futures_rolls as (

    select
        -- ids
        exchange,
        underlying,
        roll_rule,
        position,

        -- times
        session_date,
        from_session,

        -- contracts
        from_contract_id,
        from_symbol,
        from_expiry,
        contract_id as to_contract_id,
        symbol as to_symbol,
        expiry as to_expiry,

        -- the gap between them
        roll_status,
        compared_on,
        from_price,
        from_price_kind,
        to_price,
        to_price_kind,
        difference,
        ratio

    from days
    where is_roll

)

select * from futures_rolls
