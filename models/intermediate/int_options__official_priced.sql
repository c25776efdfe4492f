{{ config(meta={'rules_count': true}) }}

with

official as (

    select * from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'option'

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

        -- pricing inputs: on the day of expiry the settlement price is the underlying's value, not a premium
        case
            when official.is_traded then official.close
            when official.session_date < official.expiry then official.settlement_price
        end as premium,
        case
            when official.is_traded then 'close'
            when official.session_date < official.expiry and official.settlement_price is not null then 'settlement'
        end as premium_source,
        {{ columns_of_forwards() | join(',\n        ') }},

        -- provenance
        official.load_id,
        official.line

    from official
    inner join contracts on official.contract_id = contracts.contract_id
    left join forwards
        on official.underlying = forwards.underlying
        and official.bar_start = forwards.bar_start
        and official.expiry = forwards.expiry

)

select * from priced
