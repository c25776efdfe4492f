{#
  The prints that count, by the symbols of what they are of. One row per print.

  shape:   'trades' or 'quotes'.
  columns: what a print of this shape says.
#}
{% macro prints_by_symbol(shape, columns) %}
with

prints as (

    select * from {{ ref('int_' ~ shape ~ '__deduped') }}
    where is_preferred

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

{{ shape }} as (

    select
        -- ids
        coalesce(contracts.symbol, prints.underlying) as symbol,
        prints.exchange,
        prints.instrument_type,

        -- times
        prints.timestamp,
        prints.sequence,
        prints.session_date,
        prints.is_regular,

        -- what it says
        {% for column in columns -%}
            prints.{{ column }},
        {% endfor %}
        -- provenance
        prints.source,
        prints.load_id,
        {{ line_of_file('prints') }} as line

    from prints
    left join contracts on prints.instrument_id = contracts.contract_id
    left join loads on prints.load_id = loads.load_id

)

select * from {{ shape }}
{% endmacro %}
