{{ config(materialized='reference', meta={'key': ['session_date'], 'prices_options': true}) }}

with

rates as (

    select
        valid_from,
        lead(valid_from) over (order by valid_from) as valid_until,
        annual_rate
    from {{ ref('int_rates__selected') }}

),

sessions as (

    select distinct session_date from {{ ref('int_sessions__dated') }}

),

daily as (

    select
        sessions.session_date,
        -- the policy rate is compounded once a year; the pricing model wants it continuous
        ln(1 + rates.annual_rate)::double precision as interest_rate
    from sessions
    inner join rates
        on sessions.session_date >= rates.valid_from
        and sessions.session_date < coalesce(rates.valid_until, 'infinity')

)

select * from daily
