with

official_with_greeks as (

    {{ with_greeks(
        bars=ref('int_fo_bhavcopy__deduped'), priced=ref('int_options__official_priced'), bar_interval='day',
        of_several_sources=true, further=[
            'is_traded', 'last_price', 'settlement_price', 'lot_size', 'stated_change_in_open_interest', 'trades', 'turnover',
        ],
    ) }}

),

built_with_greeks as (

    {{ with_greeks(
        bars=ref('int_options__built_days_bounded'), priced=ref('int_options__built_days_priced'),
        bar_interval='built day',
    ) }}

),

official_days as (

    select
        -- ids
        official.contract_id,
        official.symbol,
        official.exchange,
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
        {{ change_in_open_interest() }},
        official.underlying_price,
        official.lot_size::integer as lot_size,
        official.trades,
        official.turnover,
        official.bar_start,
        official.bar_end,

        -- volatility and Greeks
        official.premium,
        official.premium_source,
        official.forward_price,
        official.forward_method,
        official.discount_factor,
        official.years_to_expiry,
        official.implied_volatility,
        official.vendor_implied_volatility,
        official.delta,
        official.gamma,
        official.theta,
        official.vega,
        official.rho,
        official.vanna,
        official.volga,
        official.charm,
        official.speed,
        official.color,
        official.veta,
        official.greeks_status

    from official_with_greeks as official
    {{ joins_to_session_before('option') }}

),

built_days as (

    select
        -- ids
        built.contract_id,
        built.symbol,
        built.exchange,
        built.underlying,
        built.expiry,
        built.strike,
        built.option_type,

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
        built.underlying_price,
        official.lot_size::integer as lot_size,
        null::bigint as trades,
        null::numeric as turnover,
        built.bar_start,
        built.bar_end,

        -- volatility and Greeks, of the day's last minute
        built.premium,
        built.premium_source,
        built.forward_price,
        built.forward_method,
        built.discount_factor,
        built.years_to_expiry,
        built.implied_volatility,
        built.vendor_implied_volatility,
        built.delta,
        built.gamma,
        built.theta,
        built.vega,
        built.rho,
        built.vanna,
        built.volga,
        built.charm,
        built.speed,
        built.color,
        built.veta,
        built.greeks_status

    from built_with_greeks as built
    left join {{ ref('int_fo_bhavcopy__deduped') }} as official
        on built.contract_id = official.contract_id
        and built.session_date = official.session_date
        and official.is_preferred

),

days as (

    select * from official_days
    union all
    select * from built_days

),

options_daily as (

    select
        days.*,

        -- the same for one lot
        {{- per_lot(of='days') }}
    from days

)

select * from options_daily
