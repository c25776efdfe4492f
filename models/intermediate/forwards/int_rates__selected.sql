with

rates as (

    select * from {{ ref(env_var('TICKMART_RISK_FREE_RATES', '') or 'risk_free_rates') }}

),

-- The columns of a user's file have the types that dbt takes them for: types set for seeds/own in dbt_project.yml would
-- draw a warning while the folder is empty.
selected as (

    select
        -- by any other order of day and month the server would guess
        case when valid_from::text ~ '^\d{4}-\d\d-\d\d$' then valid_from::text::date end as valid_from,
        annual_rate::numeric as annual_rate,
        source::text as source
    from rates

)

select * from selected
