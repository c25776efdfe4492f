with

quotes as (

    select * from {{ ref('int_options__quotes_priced') }}

),

greeks as (

    select * from {{ source('enrichment', 'option_greeks') }}
    where bar_interval = 'minute'

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

options_ticks as (

    select
        -- ids
        quotes.contract_id,
        quotes.symbol,
        quotes.underlying,
        quotes.expiry,
        quotes.strike,
        quotes.option_type,

        -- times
        quotes.bar_start,
        quotes.bar_end,
        quotes.session_date,

        -- prices and quantities
        quotes.open,
        quotes.high,
        quotes.low,
        quotes.close,
        quotes.volume,
        quotes.open_interest,

        -- volatility and Greeks
        quotes.underlying_price,
        quotes.years_to_expiry,
        greeks.implied_volatility,
        null::double precision as vendor_implied_volatility,
        greeks.delta,
        greeks.gamma,
        greeks.theta,
        greeks.vega,
        greeks.rho,
        coalesce(greeks.greeks_status, 'pending') as greeks_status,

        -- provenance
        loads.source,
        quotes.load_id,
        quotes.line - loads.first_line + loads.header_lines + 1 as line

    from quotes
    left join loads on quotes.load_id = loads.load_id
    -- Greeks of other inputs than today's are not shown
    left join greeks
        on quotes.contract_id = greeks.contract_id
        and quotes.bar_start = greeks.bar_start
        and quotes.premium = greeks.premium
        and quotes.underlying_price is not distinct from greeks.underlying_price
        and quotes.interest_rate is not distinct from greeks.interest_rate
        and quotes.years_to_expiry = greeks.years_to_expiry

)

select * from options_ticks
