with

official as (

    select * from {{ ref('int_options__official_priced') }}

),

built as (

    select * from {{ ref('int_options__bars_daily') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

-- read twice: kept as one query's worth of rows, it would be read whole, whatever the caller asks for
greeks as not materialized (

    select * from {{ source('enrichment', 'option_greeks') }}

),

slices_due as (

    select * from {{ ref('greeks_slices_due') }}
    where bar_interval = 'minute'

),

official_days as (

    select
        -- ids
        official.contract_id,
        official.symbol,
        official.underlying,
        official.expiry,
        official.strike,
        official.option_type,

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
        official.underlying_price,
        official.lot_size::integer as lot_size,
        official.trades,
        official.turnover,
        official.bar_start,
        official.bar_end,

        -- volatility and Greeks
        official.years_to_expiry,
        greeks.implied_volatility,
        null::double precision as vendor_implied_volatility,
        greeks.delta,
        greeks.gamma,
        greeks.theta,
        greeks.vega,
        greeks.rho,
        coalesce(greeks.greeks_status, 'pending') as greeks_status

    from official
    left join greeks
        on greeks.bar_interval = 'day'
        and official.contract_id = greeks.contract_id
        and official.bar_start = greeks.bar_start
        and official.premium is not distinct from greeks.premium
        and official.underlying_price is not distinct from greeks.underlying_price
        and official.interest_rate is not distinct from greeks.interest_rate
        and official.years_to_expiry = greeks.years_to_expiry

),

built_days as (

    select
        -- ids
        built.contract_id,
        contracts.symbol,
        contracts.underlying,
        built.expiry,
        contracts.strike,
        contracts.option_type,

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
        greeks.underlying_price,
        official.lot_size::integer as lot_size,
        null::bigint as trades,
        null::numeric as turnover,
        coalesce(sessions.opens_at, built.bar_start) as bar_start,
        coalesce(sessions.closes_at, built.bar_start + interval '1 day') as bar_end,

        -- volatility and Greeks, of the day's last minute
        greeks.years_to_expiry,
        greeks.implied_volatility,
        null::double precision as vendor_implied_volatility,
        greeks.delta,
        greeks.gamma,
        greeks.theta,
        greeks.vega,
        greeks.rho,
        coalesce(greeks.greeks_status, 'pending') as greeks_status

    from built
    inner join contracts on built.contract_id = contracts.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and built.session_date = sessions.session_date
    left join {{ ref('int_fo_bhavcopy__deduped') }} as official
        on built.contract_id = official.contract_id and built.session_date = official.session_date
    left join slices_due
        on contracts.underlying = slices_due.underlying and built.session_date = slices_due.session_date
    left join greeks
        on slices_due.underlying is null
        and greeks.bar_interval = 'minute'
        and built.contract_id = greeks.contract_id
        and built.last_bar_start = greeks.bar_start
        and built.close = greeks.premium

),

options_daily as (

    select * from official_days
    union all
    select * from built_days

)

select * from options_daily
