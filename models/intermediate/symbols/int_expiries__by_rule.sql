{{ config(materialized='reference', meta={'key': ['exchange', 'underlying', 'expiry']}) }}

with

rules as (

    select * from {{ ref('nse_expiry_rules') }}

),

holidays as (

    select * from {{ ref('nse_holidays') }}

),

special_sessions as (

    select * from {{ ref('nse_special_sessions') }}

),

calendar as (

    select
        date_trunc('year', min(holiday_date))::date as first_day,
        date_trunc('year', max(holiday_date))::date as last_year
    from holidays

),

-- Contracts are listed up to five years ahead, beyond the exchange's list of holidays.
days as (

    select
        each_day.day_start::date as calendar_day,
        date_trunc('month', each_day.day_start)::date as contract_month,
        extract(isodow from each_day.day_start)::integer as weekday -- noqa: RF04
    from
        generate_series(
            (select first_day from calendar),
            (select last_year + interval '6 years - 1 day' from calendar),
            interval '1 day'
        ) as each_day (day_start)

),

-- A Muhurat session trades, but nothing settles on it.
days_without_settlement as (

    select holiday_date as calendar_day from holidays
    union
    select session_date from special_sessions
    where kind = 'muhurat'
    union
    -- where the list does not reach, the holidays that have a fixed date
    select days.calendar_day
    from days
    cross join calendar
    where
        days.calendar_day >= calendar.last_year + interval '1 year'
        and to_char(days.calendar_day, 'MM-DD') in ('01-26', '04-14', '05-01', '08-15', '10-02', '12-25')

),

-- The last day, up to each day, on which something settles.
settlements as (

    select
        days.calendar_day,
        max(days.calendar_day) filter (where days.weekday <= 5 and closed.calendar_day is null)
            over (order by days.calendar_day rows between 6 preceding and current row)
            as expiry
    from days
    left join days_without_settlement as closed on days.calendar_day = closed.calendar_day

),

days_of_rules as (

    select
        rules.exchange,
        rules.underlying,
        rules.cycle,
        days.contract_month,
        days.calendar_day as ruled_day
    from rules
    inner join days
        on rules.weekday = days.weekday
        and rules.expiry_from <= days.calendar_day
        and coalesce(rules.expiry_to, 'infinity') >= days.calendar_day

),

monthly as (

    select
        exchange,
        underlying,
        cycle,
        contract_month,
        max(ruled_day) as ruled_day
    from days_of_rules
    where cycle = 'monthly'
    group by exchange, underlying, cycle, contract_month

),

-- In the week of the monthly expiry there is no weekly, whatever the weekdays of the two.
weekly as (

    select days_of_rules.*
    from days_of_rules
    left join monthly
        on days_of_rules.exchange = monthly.exchange
        and days_of_rules.underlying = monthly.underlying
        and date_trunc('week', days_of_rules.ruled_day) = date_trunc('week', monthly.ruled_day)
    where days_of_rules.cycle = 'weekly' and monthly.ruled_day is null

),

ruled as (

    select * from monthly
    union all
    select * from weekly

),

by_rule as (

    select
        ruled.exchange,
        ruled.underlying,
        ruled.cycle,
        ruled.contract_month,
        settlements.expiry,
        ruled.ruled_day
    from ruled
    inner join settlements on ruled.ruled_day = settlements.calendar_day
    where settlements.expiry is not null

)

select * from by_rule
