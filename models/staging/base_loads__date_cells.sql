{#- The loads are those of base_loads__date_orders, which alone reads this. -#}
with

texts as (

    {% for line in shapes() if line['dates'] -%}
        {%- set cells = line['dates'] -%}
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
            from {{ source(*line['raw_table']) }} as landed
            where landed._load_id = any({{ loads_to_build('base_loads__date_orders') }})
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

)

select * from texts
