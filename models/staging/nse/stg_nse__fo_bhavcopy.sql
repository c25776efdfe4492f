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

select * from both_layouts
