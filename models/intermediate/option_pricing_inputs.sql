with

minute_bars as (

    select * from {{ ref('int_options__quotes_priced') }}

),

official_days as (

    select * from {{ ref('int_options__official_priced') }}

),

inputs as (

    select
        contract_id,
        'minute' as bar_interval,
        bar_start,
        bar_end,
        session_date,
        underlying,
        strike,
        option_type,
        premium,
        premium_source,
        underlying_price,
        underlying_end,
        underlying_is_stale,
        interest_rate,
        years_to_expiry,
        is_expired
    from minute_bars
    union all
    select
        contract_id,
        'day' as bar_interval,
        bar_start,
        bar_end,
        session_date,
        underlying,
        strike,
        option_type,
        premium,
        premium_source,
        underlying_price,
        underlying_end,
        underlying_is_stale,
        interest_rate,
        years_to_expiry,
        is_expired
    from official_days

)

select * from inputs
