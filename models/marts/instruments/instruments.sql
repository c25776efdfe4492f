with

described as (

    select * from {{ ref('int_instruments__described') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

pairs as (

    select
        instrument_id,
        instrument_type,
        regexp_replace(upper(symbol), '=X$', '') as letters
    from {{ ref('int_instruments__registered') }}
    where instrument_type in ('currency', 'crypto')
    group by instrument_id, instrument_type, symbol

),

-- A pair ends with what it is quoted in, after a sign or not: BTC/USDT, BTCUSDT.
splits as (

    select
        pairs.instrument_id,
        pairs.instrument_type,
        quotes.kind as kind_of_quote,
        quotes.code as quote_currency,
        regexp_replace(left(pairs.letters, length(pairs.letters) - length(quotes.code)), '[/_-]$', '') as base_currency
    from pairs
    inner join currencies as quotes
        on right(pairs.letters, length(quotes.code)) = quotes.code
        and quotes.kind <> 'other coin'

),

-- DOTUSD may be DOT in USD, and DO in TUSD: where several are possible, the one whose first currency is known.
possible as (

    select
        splits.instrument_id,
        splits.base_currency,
        splits.quote_currency,
        bases.code is not null as base_is_known,
        count(*) over (partition by splits.instrument_id) as splits,
        count(bases.code) over (partition by splits.instrument_id) as known_splits
    from splits
    left join currencies as bases on splits.base_currency = bases.code
    where
        splits.base_currency ~ '^[A-Z0-9]{2,}$'
        and (splits.instrument_type = 'crypto' or (splits.kind_of_quote = 'money' and bases.kind = 'money'))

),

currencies_of_pairs as (

    select
        instrument_id,
        base_currency,
        quote_currency
    from possible
    where splits = 1 or (base_is_known and known_splits = 1)

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
        currencies_of_pairs.base_currency,
        coalesce(currencies_of_pairs.quote_currency, exchanges.currency) as currency,
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
    left join currencies_of_pairs on described.instrument_id = currencies_of_pairs.instrument_id

)

select * from instruments
