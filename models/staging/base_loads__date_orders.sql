{#- Every source is followed: any file may have gone through a spreadsheet. -#}
{{ config(
    materialized='by_load',
    meta={
        'built_from': 'ledger',
        'sources': ['nse-minute', 'nse-bhavcopy', 'nse-cash', 'nse-index', 'nse-option-chain', 'kite-instruments'],
        'keeps': 'everything',
    },
) }}

{#- The cells with dates of each raw table. -#}
{%- set date_cells = [
    (source('raw_gfdl', 'gfdl_minute_bars'), ['date', 'expiry']),
    (source('raw_nse', 'nse_fo_bhavcopy_udiff'), ['trad_dt', 'xpry_dt']),
    (source('raw_nse', 'nse_fo_bhavcopy_legacy'), ['timestamp', 'expiry_dt']),
    (source('raw_nse', 'nse_cash_bhavcopy_udiff'), ['trad_dt']),
    (source('raw_nse', 'nse_cash_bhavcopy_full'), ['date1']),
    (source('raw_nse', 'nse_cash_bhavcopy_legacy'), ['timestamp']),
    (source('raw_nse', 'nse_index_closes'), ['index_date']),
    (source('raw_nse', 'nse_option_chain'), ["split_part(timestamp, ' ', 1)", 'expiry_date']),
    (source('raw_kite', 'kite_instruments'), ['expiry']),
] -%}

{#- One cell among many may be damaged; an order that so few cells ask for is not the file's. -#}
{%- set least_share = 0.05 -%}

with

-- Texts are taken apart after the grouping, once per distinct one.
texts as (

    {% for raw_table, cells in date_cells -%}
        select
            grouped.load_id,
            cell.content,
            grouped.cells
        from (
            select
                landed._load_id as load_id,
                {% for cell in cells -%}
                    {{ cell if '(' in cell else 'landed.' ~ cell }} as cell_{{ loop.index }},
                {% endfor -%}
                count(*) as cells
            from {{ raw_table }} as landed
            where landed._load_id = any({{ loads_to_build() }})
            group by
                landed._load_id
                {%- for cell in cells -%}
                    , cell_{{ loop.index }}
                {%- endfor %}
        ) as grouped
        cross join
            lateral (
                values
                {% for cell in cells -%}
                    (grouped.cell_{{ loop.index }}){{ ',' if not loop.last }}
                {% endfor %}
            ) as cell (content)
        where octet_length(cell.content) <= 12
        {{ 'union all' if not loop.last }}
    {% endfor %}

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
