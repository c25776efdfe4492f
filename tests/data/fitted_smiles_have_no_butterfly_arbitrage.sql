-- What the fit says about itself, computed again from the stored parameters: Durrleman's g, the variance and Lee's bound on the wings. With
-- k = m + sigma sinh(t) the points are dense where the slice bends and reach far into both wings.

with

fits as (

    select * from {{ ref('volatility_fits') }}
    where {{ newest_sessions() }} and fit_status = 'ok'

),

points as (

    select
        fits.*,
        fits.m + fits.sigma * sinh(t::double precision) as k,
        fits.sigma * sinh(t::double precision) as distance,
        fits.sigma * cosh(t::double precision) as root
    from fits
    cross join generate_series(-9, 9, 0.1) as t

),

slices as (

    select
        points.*,
        a + b * (rho * distance + root) as w,
        b * (rho + distance / root) as slope,
        b * sigma * sigma / power(root, 3) as curvature
    from points

),

judged as (

    select
        slices.*,
        power(1 - k * slope / (2 * w), 2) - slope * slope / 4 * (1 / w + 0.25) + curvature / 2 as g
    from slices

)

select
    exchange,
    underlying,
    session_date,
    expiry,
    min(g) as lowest_g_found,
    min(w) as lowest_variance,
    max(b * (1 + abs(rho))) as steepest_wing,
    bool_and(is_free_of_butterfly_arbitrage) as is_free_as_stated
from judged
group by exchange, underlying, session_date, expiry
having
    (
        min(g) >= 0
        and min(w) > 0
        and max(b * (1 + abs(rho))) <= 2
        and bool_and(is_free_of_butterfly_arbitrage)
        -- nor is the stated minimum, which is over more points, above what is found here
        and min(g) >= min(lowest_g) - 1e-9
    ) is not true
