with

udiff as (

    select * from {{ ref('stg_nse__fo_bhavcopy_udiff') }}

),

legacy as (

    select * from {{ ref('stg_nse__fo_bhavcopy_legacy') }}

),

both_layouts as (

    select * from udiff
    union all
    select * from legacy

)

-- both layouts give the columns that their yml lists, in one order
select * from both_layouts -- noqa: AM04
