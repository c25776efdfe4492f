{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'shapes': ['contract_days', 'share_days', 'index_days'], 'keeps': 'everything'},
) }}

with

-- All that an exchange writes about a day on which it traded.
days as (

    {% for shape in ['contract_days', 'share_days', 'index_days'] -%}
        select
            load_id,
            session_date,
            count(*) as rows
        from {{ ref('int_' ~ shape ~ '__delivered') }}
        where load_id = any({{ loads_to_build() }}) and session_date is not null
        group by load_id, session_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

with_most_rows as (

    select
        days.*,
        max(rows) over (partition by load_id) as most_rows
    from days

),

-- A file covers one day, or several days with equally many rows: a date that only a few cells have is a slip.
traded as (

    select
        load_id,
        session_date
    from with_most_rows
    where rows >= 0.5 * most_rows

)

select * from traded
