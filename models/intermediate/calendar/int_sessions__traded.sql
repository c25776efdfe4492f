{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'sources': ['nse-bhavcopy', 'nse-cash', 'nse-index'], 'keeps': 'everything'},
) }}

with

days as (

    select * from {{ ref('stg_nse__days_traded') }}
    where load_id = any({{ loads_to_build() }})

),

with_most_rows as (

    select
        days.*,
        max(rows) over (partition by load_id) as most_rows
    from days

),

-- A file is of a day, or of several with as many rows each: a date that a few cells alone have is a slip.
traded as (

    select
        load_id,
        session_date
    from with_most_rows
    where rows >= 0.5 * most_rows

)

select * from traded
