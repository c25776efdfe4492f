with

contracts as (

    select * from {{ ref('int_contracts__described') }}
    where instrument_type = 'future'

),

terms as (

    {{ contract_terms_of('int_futures__quotes_deduped') }}

),

futures_metadata as (

    select
        contracts.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        contracts.expiry,
        terms.lot_size,
        terms.lot_size_decided_by,
        terms.tick_size,
        contracts.exchange_symbol,
        terms.first_session,
        terms.last_session,
        terms.expires_at
    from contracts
    inner join terms on contracts.contract_id = terms.contract_id

)

select * from futures_metadata
