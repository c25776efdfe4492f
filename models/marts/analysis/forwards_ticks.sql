with

fitted as (

    select * from {{ ref('int_forwards__fitted_by_minute') }}

),

forwards_ticks as (

    {{ forwards_with_carry('fitted') }}

)

select * from forwards_ticks
