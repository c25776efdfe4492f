-- At equal log-moneyness a later fitted expiry has no less total variance than the one before, out into the wings.

with

fits as (

    select
        volatility_fits.*,
        lag(expiry) over expiries as expiry_before,
        lag(a) over expiries as a_before,
        lag(b) over expiries as b_before,
        lag(rho) over expiries as rho_before,
        lag(m) over expiries as m_before,
        lag(sigma) over expiries as sigma_before
    from {{ ref('volatility_fits') }} as volatility_fits
    where {{ newest_sessions() }} and fit_status = 'ok'
    window expiries as (partition by exchange, underlying, session_date order by years_to_expiry)

),

points as (

    select
        fits.*,
        sinh(t::double precision) / 10 as k
    from fits
    cross join generate_series(-7, 7, 0.05) as t
    where fits.expiry_before is not null

),

differences as (

    select
        points.*,
        a + b * (rho * (k - m) + sqrt(power(k - m, 2) + sigma * sigma))
        - a_before
        - b_before * (rho_before * (k - m_before) + sqrt(power(k - m_before, 2) + sigma_before * sigma_before))
            as difference
    from points

)

select
    exchange,
    underlying,
    session_date,
    expiry,
    expiry_before,
    min(difference) as least_difference
from differences
group by exchange, underlying, session_date, expiry, expiry_before
having
    (
        min(difference) >= 0
        and bool_and(is_free_of_calendar_arbitrage)
        and min(expiry_before) = min(nearer_expiry)
        and min(difference) >= min(calendar_margin) - 1e-9
    ) is not true
