-- Priced again in SQL, from its own inputs and its implied volatility, each row gives its premium: to 1e-9 of the strike,
-- far below a tick and far above the rounding of either side.

with

greeks as (

    {% for table in ['option_greeks', 'option_greeks_coarse'] %}
    {{ 'union all' if not loop.first }}
    select computed.* from {{ computed(table) }} as computed
    where computed.greeks_status = 'ok' and {{ newest_sessions() }} and {{ of_todays_inputs('computed') }}
    {% endfor %}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

repriced as (

    select
        contracts.symbol,
        greeks.bar_interval,
        greeks.bar_start,
        greeks.premium::double precision as premium,
        contracts.strike::double precision as strike,
        greeks.implied_volatility,
        {{ function('black_scholes_price') }}(
            greeks.forward_price,
            contracts.strike::double precision,
            greeks.years_to_expiry,
            greeks.implied_volatility,
            greeks.discount_factor,
            contracts.option_type = 'CE'
        ) as price
    from greeks
    inner join contracts on greeks.contract_id = contracts.contract_id

)

select *
from repriced
where price is null or abs(price - premium) > 1e-9 * strike
