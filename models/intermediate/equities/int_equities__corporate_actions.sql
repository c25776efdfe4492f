with

actions as (

    select * from {{ ref(env_var('TICKMART_EQUITY_CORPORATE_ACTIONS', '') or 'equity_corporate_actions') }}

),

-- dbt guesses the types of the columns in a user's file: types set for seeds/own in dbt_project.yml would draw a
-- warning while the folder is empty.
selected as (

    select
        exchange::text as exchange,
        symbol::text as symbol,
        -- in any other order of day and month the server would have to guess
        case when ex_date::text ~ '^\d{4}-\d\d-\d\d$' then ex_date::text::date end as ex_date,
        kind::text as kind,
        shares_before::numeric as shares_before,
        shares_after::numeric as shares_after,
        amount::numeric as amount,
        source::text as source
    from actions

)

select * from selected
