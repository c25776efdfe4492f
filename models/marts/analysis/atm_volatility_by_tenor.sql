with

expiries as (

    select * from {{ ref('atm_volatility') }}

),

tenors as (

    select
        tenor_days,
        tenor_days::double precision / 365 as tenor_years
    from unnest(array[7, 30, 60, 90]) as tenor_days

),

-- the expiries on both sides of the tenor; an expiry that falls on it counts as before it
neighbours as (

    select
        expiries.underlying,
        expiries.exchange,
        expiries.session_date,
        expiries.bar_start,
        tenors.tenor_days,
        tenors.tenor_years,
        max(expiries.bar_end) as bar_end,
        max(expiries.expiry) filter (where expiries.years_to_expiry <= tenors.tenor_years) as earlier_expiry,
        max(expiries.years_to_expiry) filter (where expiries.years_to_expiry <= tenors.tenor_years) as earlier_years,
        (
            array_agg(expiries.total_variance order by expiries.years_to_expiry desc)
            filter (where expiries.years_to_expiry <= tenors.tenor_years)
        )[1] as earlier_variance,
        min(expiries.expiry) filter (where expiries.years_to_expiry > tenors.tenor_years) as later_expiry,
        min(expiries.years_to_expiry) filter (where expiries.years_to_expiry > tenors.tenor_years) as later_years,
        (
            array_agg(expiries.total_variance order by expiries.years_to_expiry asc)
            filter (where expiries.years_to_expiry > tenors.tenor_years)
        )[1] as later_variance
    from expiries
    cross join tenors
    group by
        expiries.underlying,
        expiries.exchange,
        expiries.session_date,
        expiries.bar_start,
        tenors.tenor_days,
        tenors.tenor_years

),

interpolated as (

    select
        neighbours.*,
        case
            when earlier_years = tenor_years then earlier_variance
            else
                earlier_variance
                + (later_variance - earlier_variance) * (tenor_years - earlier_years) / (later_years - earlier_years)
        end as total_variance
    from neighbours

),

atm_volatility_by_tenor as (

    select
        -- ids
        underlying,
        exchange,
        tenor_days,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- the two expiries
        earlier_expiry,
        later_expiry,

        -- volatility
        sqrt(total_variance / tenor_years) as implied_volatility,
        total_variance

    from interpolated

)

select * from atm_volatility_by_tenor
