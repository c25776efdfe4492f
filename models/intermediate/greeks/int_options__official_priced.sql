{{ config(meta={'rules_count': true}) }}

with

official as (

    select
        deduped.*,
        {{ premium_of_official_day('deduped') }} as premium,
        {{ kind_of_official_premium('deduped') }} as premium_kind
    from {{ ref('int_fo_bhavcopy__deduped') }} as deduped
    where deduped.instrument_type = 'option' and deduped.is_preferred

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

forwards as (

    select * from {{ ref('int_forwards__fitted_by_day') }}

),

priced as (

    select
        -- ids
        official.contract_id,
        contracts.symbol,
        official.exchange,
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
        official.stated_change_in_open_interest,
        official.lot_size,
        official.trades,
        official.turnover,

        -- pricing inputs
        official.premium,
        case
            when official.premium is not null
                then case official.premium_kind when 'trade' then 'close' else 'settlement' end
        end as premium_source,
        coalesce(official.underlying_price, forwards.underlying_price) as underlying_price,
        {{ columns_of_forwards() | join(',\n        ') }},

        -- provenance
        official.load_id,
        official.line

    from official
    inner join contracts on official.contract_id = contracts.contract_id
    left join forwards
        on official.exchange = forwards.exchange
        and official.underlying = forwards.underlying
        and official.session_date = forwards.session_date
        and official.bar_start = forwards.bar_start
        and official.expiry = forwards.expiry
        and official.premium_kind = forwards.premium_kind

)

select * from priced
