with

redated as (

    select * from {{ ref('nse_redated_expiries') }}

),

settled as (

    select * from {{ ref('int_expiries__settled') }}

),

given_up as (

    select
        redated.exchange,
        redated.underlying,
        settled.settled_expiry,
        redated.expiry,
        lag(redated.effective_from) over (
            partition by redated.exchange, redated.underlying, settled.settled_expiry order by redated.effective_from
        ) as valid_from,
        redated.effective_from as valid_until
    from redated
    inner join settled
        on redated.exchange = settled.exchange
        and redated.underlying = settled.underlying
        and redated.expiry = settled.expiry

),

kept as (

    select
        exchange,
        underlying,
        settled_expiry,
        settled_expiry as expiry,
        max(valid_until) as valid_from,
        null::date as valid_until
    from given_up
    group by exchange, underlying, settled_expiry

),

in_force as (

    select * from given_up
    union all
    select * from kept

)

select * from in_force
