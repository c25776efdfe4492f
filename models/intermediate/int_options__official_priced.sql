with

official as (

    select * from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'option'

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

official_closes as (

    select * from {{ ref('int_underlyings__official_closes') }}

),

priced as (

    select
        -- ids
        official.contract_id,
        contracts.symbol,
        contracts.underlying,
        official.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        official.session_date,
        official.bar_start,
        official.bar_end,

        -- prices and quantities
        official.is_traded,
        official.open,
        official.high,
        official.low,
        official.close,
        official.last_price,
        official.settlement_price,
        official.volume,
        official.open_interest,
        official.lot_size,
        official.trades,
        official.turnover,

        -- pricing inputs: on the day of expiry the settlement price is the underlying's value, not a premium
        case
            when official.is_traded then official.close
            when official.session_date < official.expiry then official.settlement_price
        end as premium,
        case
            when official.is_traded then 'close'
            when official.session_date < official.expiry and official.settlement_price is not null then 'settlement'
        end as premium_source,
        coalesce(official.underlying_price, stated_elsewhere.close) as underlying_price,
        official.bar_end as underlying_end,
        false as underlying_is_stale,
        rates.interest_rate,
        extract(epoch from expiries.expires_at - official.bar_end)::double precision
        / (365 * 86400)::double precision as years_to_expiry,
        expiries.expires_at <= official.bar_end as is_expired,

        -- provenance
        official.load_id,
        official.line

    from official
    inner join contracts on official.contract_id = contracts.contract_id
    left join expiries on contracts.exchange = expiries.exchange and official.expiry = expiries.expiry
    left join rates on official.session_date = rates.session_date
    -- the layout until July 2024 does not have the underlying's price: the day's file of indices or of shares has
    left join lateral (
        select official_closes.close
        from official_closes
        where
            official.underlying_price is null
            and official.underlying = official_closes.underlying
            and official.session_date = official_closes.session_date
        order by official_closes.precedence
        limit 1
    ) as stated_elsewhere on true

)

select * from priced
