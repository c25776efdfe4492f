with

described as (

    select * from {{ ref('int_instruments__described') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

instruments as (

    select
        -- ids
        described.instrument_id,
        described.symbol,
        described.instrument_type,
        described.exchange,
        exchanges.mic,
        described.series,
        described.isin,
        described.exchange_symbol,

        -- what it is counted in
        exchanges.currency,
        greatest(scale(trim_scale(described.tick_size)), exchanges.price_precision) as price_precision,
        case described.instrument_type when 'index' then null else exchanges.size_precision end as size_precision,
        described.tick_size,
        described.lot_size,
        described.contract_multiplier,

        -- what it is derived from
        described.underlying,
        described.expiry,
        described.strike,
        described.option_type,

        -- its life on file
        described.first_session,
        described.last_session,
        described.expires_at

    from described
    left join exchanges on described.exchange = exchanges.exchange

)

select * from instruments
