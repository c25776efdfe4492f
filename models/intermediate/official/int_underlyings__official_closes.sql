with

index_closes as (

    select
        exchange,
        underlying,
        session_date,
        close,
        1 as precedence
    from {{ ref('int_spot__closes_deduped') }}
    where is_preferred

),

-- A share goes behind an index that has its name. It trades in several series; its derivatives are on the regular one,
-- and trade-to-trade takes the place of that one.
share_closes as (

    select
        exchange,
        symbol as underlying,
        session_date,
        close,
        case series when 'EQ' then 2 else 3 end as precedence
    from {{ ref('int_equities__official_deduped') }}
    where series in ('EQ', 'BE') and close is not null and is_preferred

),

closes as (

    select * from index_closes
    union all
    select * from share_closes

)

select * from closes
