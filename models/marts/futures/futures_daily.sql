with

-- read twice: if it were materialized, it would be read whole, whatever the caller asks for
official as not materialized (

    select * from {{ ref('int_fo_bhavcopy__deduped') }}
    where instrument_type = 'future' and is_preferred

),

built as (

    select * from {{ ref('int_futures__bars_daily') }}

),

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

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
        official.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        official.expiry,

        -- times
        official.session_date,

        -- which of the day's rows this is
        'official' as source,
        true as is_preferred,
        official.is_traded,

        -- prices and quantities
        official.open,
        official.high,
        official.low,
        official.close,
        official.last_price,
        official.settlement_price,
        official.volume,
        official.open_interest,
        {{ change_in_open_interest() }},
        official.underlying_price,
        official.lot_size::integer as lot_size,
        official.trades,
        official.turnover,
        official.bar_start,
        official.bar_end

    from official
    inner join contracts on official.contract_id = contracts.contract_id
    {{ joins_to_session_before('future') }}

),

built_days as (

    select
        -- ids
        built.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        built.expiry,

        -- times
        built.session_date,

        -- which of the day's rows this is
        'minute bars' as source,
        official.contract_id is null as is_preferred,
        true as is_traded,

        -- prices and quantities
        built.open,
        built.high,
        built.low,
        built.close,
        built.close as last_price,
        null::numeric as settlement_price,
        built.volume,
        built.open_interest,
        null::numeric as change_in_open_interest,
        null::date as open_interest_compared_with,
        official.underlying_price,
        official.lot_size::integer as lot_size,
        null::bigint as trades,
        null::numeric as turnover,
        {{ bounds_of_session('built') }}

    from built
    inner join contracts on built.contract_id = contracts.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and built.session_date = sessions.session_date
    left join exchanges on contracts.exchange = exchanges.exchange
    left join official
        on built.contract_id = official.contract_id and built.session_date = official.session_date

),

futures_daily as (

    select * from official_days
    union all
    select * from built_days

)

select * from futures_daily
