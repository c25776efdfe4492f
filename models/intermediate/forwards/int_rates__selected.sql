with

rates as (

    select * from {{ ref(env_var('TICKMART_RISK_FREE_RATES', '') or 'risk_free_rates') }}

),

-- dbt guesses the types of the columns in a user's file: types set for seeds/own in dbt_project.yml would draw a
-- warning while the folder is empty.
selected as (

    select
        -- in any other order of day and month the server would have to guess
        case when valid_from::text ~ '^\d{4}-\d\d-\d\d$' then valid_from::text::date end as valid_from,
        annual_rate::numeric as annual_rate,
        source::text as source
    from rates

)

select * from selected
