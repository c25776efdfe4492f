with

fitted as (

    select * from {{ ref('int_forwards__fitted_by_day') }}

),

forwards_daily as (

    {{ forwards_with_carry('fitted', has_kinds=true) }}

)

select * from forwards_daily
