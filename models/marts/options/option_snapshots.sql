with

snapshots as (

    select
        deduped.*,
        deduped.timestamp as bar_start,
        deduped.timestamp as bar_end
    from {{ ref('int_options__snapshots_deduped') }} as deduped
    where deduped.is_preferred

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

with_greeks as (

    {{ with_greeks(
        bars='snapshots', priced=ref('int_options__snapshots_priced'), bar_interval='snapshot',
        columns=columns_of_snapshots(),
    ) }}

),

option_snapshots as (

    select
        -- ids
        with_greeks.contract_id,
        with_greeks.symbol,
        with_greeks.exchange,
        with_greeks.underlying,
        with_greeks.expiry,
        with_greeks.strike,
        with_greeks.option_type,

        -- times
        with_greeks.bar_start as timestamp,
        with_greeks.session_date,

        -- quotes and the last trade
        with_greeks.bid,
        with_greeks.bid_size,
        with_greeks.ask,
        with_greeks.ask_size,
        with_greeks.last_price,
        with_greeks.last_trade_after,

        -- quantities
        with_greeks.volume,
        with_greeks.open_interest,
        with_greeks.change_in_open_interest,
        with_greeks.total_buy_quantity,
        with_greeks.total_sell_quantity,
        with_greeks.lot_size,

        -- volatility and Greeks
        with_greeks.premium,
        with_greeks.premium_source,
        with_greeks.underlying_price,
        with_greeks.forward_price,
        with_greeks.forward_method,
        with_greeks.discount_factor,
        with_greeks.years_to_expiry,
        with_greeks.implied_volatility,
        with_greeks.vendor_implied_volatility,
        with_greeks.delta,
        with_greeks.gamma,
        with_greeks.theta,
        with_greeks.vega,
        with_greeks.rho,
        with_greeks.vanna,
        with_greeks.volga,
        with_greeks.charm,
        with_greeks.speed,
        with_greeks.color,
        with_greeks.veta,
        with_greeks.greeks_status,

        -- the same for one lot
        {{- per_lot(of='with_greeks') }},

        -- provenance
        loads.source,
        with_greeks.load_id,
        {{ line_of_file('with_greeks') }} as line

    from with_greeks
    left join loads on with_greeks.load_id = loads.load_id

)

select * from option_snapshots
