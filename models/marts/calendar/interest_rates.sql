with

interest_rates as (

    select
        session_date,
        interest_rate
    from {{ ref('int_rates__daily') }}

)

select * from interest_rates
