{{ config(meta={'rules_count': true}) }}

with

bars as (

    select * from {{ ref('int_options__built_days_bounded') }}

),

priced as (

    {{ with_pricing_inputs() }}

)

select * from priced
