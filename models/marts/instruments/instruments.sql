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

-- A pair says its two currencies by itself: between a sign, or one after the other.
pairs as (

    select
        described.instrument_id,
        coalesce(
            halves.codes[1], left(written.letters, length(written.letters) - length(quoted_in.code))
        ) as base_currency,
        coalesce(halves.codes[2], quoted_in.code) as quote_currency
    from described
    cross join lateral (select regexp_replace(upper(described.symbol), '=X$', '') as letters) as written
    cross join
        lateral (select regexp_match(written.letters, '^([A-Z0-9]{2,})[/_-]([A-Z0-9]{2,})$') as codes) as halves
    left join lateral (
        select currencies.code
        from currencies
        where
            -- of two currencies both are known, of a coin what it is quoted in
            case described.instrument_type
                when 'currency'
                    then
                        currencies.kind = 'money'
                        and length(written.letters) = 6
                        and left(written.letters, 3) in (
                            select bases.code from currencies as bases
                            where bases.kind = 'money'
                        )
                else length(written.letters) > length(currencies.code) + 1
            end
            and right(written.letters, length(currencies.code)) = currencies.code
        order by length(currencies.code) desc
        limit 1
    ) as quoted_in on halves.codes is null
    where described.instrument_type in ('currency', 'crypto')

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
        pairs.base_currency,
        coalesce(pairs.quote_currency, exchanges.currency) as currency,
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
    left join pairs on described.instrument_id = pairs.instrument_id

)

select * from instruments
