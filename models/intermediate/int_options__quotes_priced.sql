with

quotes as (

    select * from {{ ref('int_options__quotes_deduped') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

expiries as (

    select * from {{ ref('int_expiries__dated') }}

),

rates as (

    select * from {{ ref('int_rates__daily') }}

),

-- read twice: kept as one query's worth of rows, it would be read whole, whatever the caller asks for
spot as not materialized (

    select * from {{ ref('int_spot__prices_deduped') }}

),

priced as (

    select
        -- ids
        quotes.contract_id,
        contracts.symbol,
        contracts.underlying,
        quotes.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        quotes.session_date,
        quotes.bar_start,
        quotes.bar_end,

        -- prices and quantities
        quotes.open,
        quotes.high,
        quotes.low,
        quotes.close,
        quotes.volume,
        quotes.open_interest,

        -- pricing inputs
        quotes.close as premium,
        'last trade' as premium_source,
        coalesce(spot.close, earlier_spot.close) as underlying_price,
        coalesce(spot.bar_end, earlier_spot.bar_end) as underlying_end,
        coalesce(
            quotes.bar_end - coalesce(spot.bar_end, earlier_spot.bar_end)
            > interval '{{ var("underlying_staleness_limit") }}',
            false
        ) as underlying_is_stale,
        rates.interest_rate,
        extract(epoch from expiries.expires_at - quotes.bar_end)::double precision
        / (365 * 86400)::double precision as years_to_expiry,
        expiries.expires_at <= quotes.bar_end as is_expired,

        -- provenance
        quotes.load_id,
        quotes.line

    from quotes
    inner join contracts on quotes.contract_id = contracts.contract_id
    left join expiries on contracts.exchange = expiries.exchange and quotes.expiry = expiries.expiry
    left join rates on quotes.session_date = rates.session_date
    left join spot on contracts.underlying = spot.underlying and quotes.bar_start = spot.bar_start
    -- the index has no bar of this minute: its last one of the session, however old; the age decides later
    left join lateral (
        select past.close, past.bar_end
        from spot as past
        where spot.bar_end is null
            and contracts.underlying = past.underlying
            and quotes.session_date = past.session_date
            and past.bar_start < quotes.bar_start
            and past.bar_start >= quotes.bar_start - interval '1 day'
        order by past.bar_start desc
        limit 1
    ) as earlier_spot on true

)

select * from priced
