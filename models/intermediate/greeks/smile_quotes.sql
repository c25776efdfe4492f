with

official_days as (

    select
        contract_id,
        session_date,
        bar_start,
        expiry,
        is_traded
    from {{ ref('int_fo_bhavcopy__deduped') }}
    where is_preferred

),

-- A day that was built from minutes has trades in it.
built_days as (

    select
        contract_id,
        session_date,
        bar_start,
        expiry,
        true as is_traded
    from {{ ref('int_options__built_days_bounded') }}

),

smile_quotes as (

    {% for bar_interval, days in {'day': 'official_days', 'built day': 'built_days'}.items() -%}
        {{ 'union all' if not loop.first }}
        select
            greeks.exchange,
            greeks.underlying,
            greeks.bar_interval,
            greeks.session_date,
            greeks.bar_start,
            greeks.bar_end,
            greeks.contract_id,
            days.expiry,
            contracts.strike::double precision as strike,
            contracts.option_type,
            days.is_traded,
            greeks.forward_price,
            greeks.years_to_expiry,
            greeks.implied_volatility,
            greeks.vega,
            greeks.greeks_status
        from {{ greeks_of(bar_interval) }} as greeks
        inner join {{ ref('int_contracts__described') }} as contracts on greeks.contract_id = contracts.contract_id
        inner join {{ days }} as days
            on greeks.contract_id = days.contract_id
            and greeks.session_date = days.session_date
            and greeks.bar_start = days.bar_start
        where greeks.bar_interval = '{{ bar_interval }}'
    {% endfor %}

)

select * from smile_quotes
