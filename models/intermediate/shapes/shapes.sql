{{ config(schema='facts') }}

{%- set lines = lines_of_shapes(shape_names()) %}

with

listed as (

    select
        raw_table,
        staging_view,
        shape,
        states_underlying_price
    from (
        values
        {% for line in lines -%}
            (
                'raw.{{ line["raw_table"][1] }}', '{{ line["view"] }}', '{{ line["shape"] }}',
                {{ line.get('states_underlying_price', true) | lower }}
            ){{ ',' if not loop.last }}
        {% endfor %}
    ) as stated (raw_table, staging_view, shape, states_underlying_price)

)

select * from listed
