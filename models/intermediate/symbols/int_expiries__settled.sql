{{ config(materialized='reference', meta={'key': ['exchange', 'underlying', 'expiry'], 'corrections_count': true}) }}

with recursive

redated as (

    select * from {{ ref('nse_redated_expiries') }}

),

-- A contract may be moved more than once: it is followed to the end, but not in circles.
followed as (

    select
        exchange,
        underlying,
        expiry,
        redated_to,
        effective_from,
        1 as moves
    from redated
    union all
    select
        followed.exchange,
        followed.underlying,
        followed.expiry,
        redated.redated_to,
        redated.effective_from,
        followed.moves + 1 as moves
    from followed
    inner join redated
        on followed.exchange = redated.exchange
        and followed.underlying = redated.underlying
        and followed.redated_to = redated.expiry
        and followed.effective_from < redated.effective_from
    where followed.moves < 10

),

settled as (

    select distinct on (exchange, underlying, expiry)
        exchange,
        underlying,
        expiry,
        redated_to as settled_expiry
    from followed
    order by exchange asc, underlying asc, expiry asc, moves desc

)

select * from settled
