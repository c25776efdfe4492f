{#- Every source is followed: any file may have gone through a spreadsheet. -#}
{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'keeps': 'everything'},
) }}

{#- One cell among many may be damaged; an order that so few cells ask for is not the file's. -#}
{%- set least_share = 0.05 -%}

with

-- Texts are taken apart after the grouping, once per distinct one.
texts as (

    select * from {{ ref('base_loads__date_cells') }}

),

of_figures as (

    select
        texts.load_id,
        texts.cells,
        date_parts.day > '12' and date_parts.month <= '12' as is_day_first,
        date_parts.month > '12' and date_parts.day <= '12' as is_month_first
    from texts
    cross join
        lateral (
            {{ parts_of_date('texts.content') }}
        ) as date_parts
    where date_parts.month ~ '^\d'

),

counted as (

    select
        load_id,
        sum(cells)::bigint as date_cells,
        coalesce(sum(cells) filter (where is_day_first), 0)::bigint as day_first_cells,
        coalesce(sum(cells) filter (where is_month_first), 0)::bigint as month_first_cells
    from of_figures
    group by load_id

),

orders as (

    select
        load_id,
        date_cells,
        day_first_cells,
        month_first_cells,
        case
            when day_first_cells > 0 and month_first_cells > 0 then 'contradictory'
            when day_first_cells > 0 then 'day first'
            when month_first_cells >= {{ least_share }} * date_cells and month_first_cells > 0 then 'month first'
            else 'unproven'
        end as date_order
    from counted

)

select * from orders
