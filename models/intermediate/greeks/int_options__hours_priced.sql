{{ config(meta={'rules_count': true}) }}

with

bars as (

    select * from {{ ref('int_options__hours_bounded') }}

),

priced as (

    {{ with_pricing_inputs(further=columns_of_option_bars()) }}

)

select * from priced
