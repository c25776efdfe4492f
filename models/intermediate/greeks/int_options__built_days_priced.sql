{{ config(meta={'rules_count': true}) }}

with

bars as (

    select * from {{ ref('int_options__built_days_bounded') }}

),

priced as (

    {{ with_pricing_inputs(further=['opens_at']) }}

)

select * from priced
