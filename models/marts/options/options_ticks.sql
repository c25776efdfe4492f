with

with_greeks as (

    {{ with_greeks(
        bars=ref('int_options__quotes_deduped'), priced=ref('int_options__quotes_priced'), bar_interval='minute',
        columns=columns_of_bars() + columns_of_option_bars(),
        of_several_sources=true, further=['load_id', 'line'],
    ) }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

options_ticks as (

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
        with_greeks.bar_start,
        with_greeks.bar_end,
        with_greeks.session_date,

        -- prices and quantities
        with_greeks.open,
        with_greeks.high,
        with_greeks.low,
        with_greeks.close,
        with_greeks.bid,
        with_greeks.ask,
        with_greeks.volume,
        with_greeks.open_interest,

        -- volatility and Greeks
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

        -- provenance
        loads.source,
        with_greeks.load_id,
        {{ line_of_file('with_greeks') }} as line

    from with_greeks
    left join loads on with_greeks.load_id = loads.load_id

)

select * from options_ticks
