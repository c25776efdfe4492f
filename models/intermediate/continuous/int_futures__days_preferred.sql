with

official as not materialized (

    select * from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'future' and is_preferred

),

built as (

    select * from {{ ref('int_futures__bars_daily') }}

),

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}
    where instrument_type = 'future'

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

official_days as (

    select
        -- ids
        contracts.exchange,
        contracts.underlying,
        official.contract_id,
        contracts.symbol,
        contracts.expiry as last_expiry,
        official.expiry,

        -- times
        official.session_date,
        official.bar_start,
        official.bar_end,

        -- where the row is from
        'official' as source,
        official.is_traded,

        -- prices and quantities
        official.open,
        official.high,
        official.low,
        official.close,
        official.settlement_price,
        official.volume,
        official.open_interest

    from contracts
    inner join official on contracts.contract_id = official.contract_id

),

built_days as (

    select
        -- ids
        contracts.exchange,
        contracts.underlying,
        built.contract_id,
        contracts.symbol,
        contracts.expiry as last_expiry,
        built.expiry,

        -- times
        built.session_date,
        {{ bounds_of_session('built') }},

        -- where the row is from
        'minute bars' as source,
        true as is_traded,

        -- prices and quantities
        built.open,
        built.high,
        built.low,
        built.close,
        null::numeric as settlement_price,
        built.volume,
        built.open_interest

    from contracts
    inner join built on contracts.contract_id = built.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and built.session_date = sessions.session_date
    left join exchanges on contracts.exchange = exchanges.exchange
    where
        not exists (
            select 1 from official
            where official.contract_id = built.contract_id and official.session_date = built.session_date
        )

),

days_preferred as (

    select * from official_days
    union all
    select * from built_days

)

select * from days_preferred
