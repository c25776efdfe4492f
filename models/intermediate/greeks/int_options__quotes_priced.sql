{{ config(meta={'rules_count': true}) }}

with

bars as (

    select
        quotes.*,
        quotes.bar_start as last_bar_start
    from {{ ref('int_options__quotes_deduped') }} as quotes
    where quotes.is_preferred

),

priced as (

    {{ with_pricing_inputs(further=columns_of_option_bars() + ['load_id', 'line']) }}

)

select * from priced
