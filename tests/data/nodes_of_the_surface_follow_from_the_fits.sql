-- Each node is computed again, from the parameters of the two expiries around it: its total variance, its strike and the delta that Black's
-- formula gives it. And there is a node exactly where fitted expiries enclose the tenor, but for wings so steep that no strike has the
-- delta.

with

nodes as (

    select
        volatility_surface.*,
        tenor_days::double precision / 365 as tenor_years
    from {{ ref('volatility_surface') }} as volatility_surface
    where {{ newest_sessions() }}

),

fits as (

    select * from {{ ref('volatility_fits') }}
    where {{ newest_sessions() }} and fit_status = 'ok'

),

around as (

    select
        nodes.*,
        earlier.years_to_expiry as earlier_years,
        later.years_to_expiry as later_years,
        earlier.a + earlier.b * (
            earlier.rho * (nodes.log_moneyness - earlier.m)
            + sqrt(power(nodes.log_moneyness - earlier.m, 2) + earlier.sigma * earlier.sigma)
        ) as earlier_variance,
        later.a + later.b * (
            later.rho * (nodes.log_moneyness - later.m)
            + sqrt(power(nodes.log_moneyness - later.m, 2) + later.sigma * later.sigma)
        ) as later_variance,
        greatest(earlier.b * (1 + abs(earlier.rho)), later.b * (1 + abs(later.rho))) as steepest_wing
    from nodes
    left join fits as earlier
        on nodes.exchange = earlier.exchange
        and nodes.underlying = earlier.underlying
        and nodes.session_date = earlier.session_date
        and nodes.earlier_expiry = earlier.expiry
    left join fits as later
        on nodes.exchange = later.exchange
        and nodes.underlying = later.underlying
        and nodes.session_date = later.session_date
        and nodes.later_expiry = later.expiry

),

again as (

    select
        around.*,
        case
            when earlier_years = tenor_years then earlier_variance
            else
                earlier_variance
                + (later_variance - earlier_variance) * (tenor_years - earlier_years) / (later_years - earlier_years)
        end as variance_again,
        erfc((log_moneyness / sqrt(total_variance) - sqrt(total_variance) / 2) / sqrt(2::double precision)) / 2
            as delta_again
    from around

)

select *
from again
where
    (
        (implied_volatility is not null)
        <> (earlier_years is not null and (earlier_years = tenor_years or later_years is not null))
        and (implied_volatility is not null or steepest_wing < 1.7)
    )
    or earlier_years > tenor_years
    or later_years <= tenor_years
    or (
        implied_volatility is not null
        and (
            abs(variance_again - total_variance) <= 1e-10
            and abs(implied_volatility * implied_volatility * tenor_years - total_variance) <= 1e-12
            and abs(delta_again - delta_of_call) <= 1e-8
            and abs(strike - forward_price * exp(log_moneyness)) <= 1e-9 * strike
        ) is not true
    )
