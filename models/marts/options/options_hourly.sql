with

bars as (

    select * from {{ ref('int_options__bars_hourly') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

greeks as (

    select * from {{ source('enrichment', 'option_greeks') }}
    where bar_interval = 'minute'

),

slices_due as (

    select * from {{ ref('greeks_slices_due') }}
    where bar_interval = 'minute'

),

options_hourly as (

    select
        -- ids
        bars.contract_id,
        contracts.symbol,
        contracts.underlying,
        bars.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        bars.bar_start,
        least(bars.bar_start + interval '1 hour', sessions.closes_at) as bar_end,
        bars.session_date,

        -- prices and quantities
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        bars.open_interest,

        -- volatility and Greeks, of the bar's last minute
        greeks.underlying_price,
        greeks.years_to_expiry,
        greeks.implied_volatility,
        null::double precision as vendor_implied_volatility,
        greeks.delta,
        greeks.gamma,
        greeks.theta,
        greeks.vega,
        greeks.rho,
        coalesce(greeks.greeks_status, 'pending') as greeks_status

    from bars
    inner join contracts on bars.contract_id = contracts.contract_id
    left join sessions
        on contracts.exchange = sessions.exchange and bars.session_date = sessions.session_date
    left join slices_due
        on contracts.underlying = slices_due.underlying and bars.session_date = slices_due.session_date
    left join greeks
        on slices_due.underlying is null
        and bars.contract_id = greeks.contract_id
        and bars.last_bar_start = greeks.bar_start
        and bars.close = greeks.premium

)

select * from options_hourly
