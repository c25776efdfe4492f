{{ config(materialized='reference', meta={'key': ['exchange', 'symbol', 'valid_until']}) }}

-- depends_on: {{ ref('int_equities__official_deduped') }}

{# Decimals of a factor: as many as the logarithms of numeric are good for. #}
{% set digits = 15 %}

with

actions as (

    select * from {{ ref('int_equities__corporate_actions') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'cash'

),

-- Slices outlive their loads. A share's day is on file while a built load has that day for the share or for the whole
-- market.
days_on_file as (

    select
        slices.exchange,
        slices.slice_group,
        slices.session_date
    from {{ ref('int_loads__slices') }} as slices
    inner join {{ records_of_all('built_loads') }} as built_loads
        on slices.load_id = built_loads.load_id and built_loads.model = 'int_equities__official_deduped'
    where slices.instrument_type = 'equity'
    group by slices.exchange, slices.slice_group, slices.session_date

),

closes as (

    select * from {{ ref('int_underlyings__official_closes') }}

),

-- A split and a bonus may fall on the same day: one multiplies the other.
by_ex_date as (

    select
        exchange,
        symbol,
        ex_date,
        coalesce(max(shares_before / shares_after) filter (where kind = 'split'), 1)
        * coalesce(max(shares_before / shares_after) filter (where kind = 'bonus'), 1) as split_ratio,
        coalesce(sum(amount) filter (where kind = 'dividend'), 0) as dividend
    from actions
    group by exchange, symbol, ex_date

),

-- The last close with the dividend in it counts if the files reach up to the ex-date: an older one would be a guess.
with_last_close as (

    select
        by_ex_date.*,
        case
            when exists (
                select 1 from days_on_file
                where
                    days_on_file.exchange = by_ex_date.exchange
                    and days_on_file.slice_group in (by_ex_date.symbol, '*')
                    and days_on_file.session_date = last_session.session_date
            ) then last_close.close
        end as close_before
    from by_ex_date
    left join lateral (
        select max(sessions.session_date) as session_date
        from sessions
        where sessions.exchange = by_ex_date.exchange and sessions.session_date < by_ex_date.ex_date
    ) as last_session on true
    left join lateral (
        select closes.close
        from closes
        where
            by_ex_date.dividend > 0
            and closes.exchange = by_ex_date.exchange
            and closes.underlying = by_ex_date.symbol
            and closes.session_date < by_ex_date.ex_date
            and closes.session_date >= by_ex_date.ex_date - 31
        order by closes.session_date desc, closes.precedence asc
        limit 1
    ) as last_close on true

),

ratios as (

    select
        exchange,
        symbol,
        ex_date,
        split_ratio,
        case
            when dividend = 0 then 1
            when dividend < close_before then 1 - dividend / close_before
        end as dividend_ratio
    from with_last_close

),

-- A product, as the sum of logarithms: prices before several actions are multiplied by all of their factors. An unknown
-- factor makes all before it unknown.
adjustments as (

    select
        exchange,
        symbol,
        coalesce(lag(ex_date) over earlier_first, '-infinity') as valid_from,
        ex_date as valid_until,
        trim_scale(round(exp(sum(ln(split_ratio)) over this_and_later), {{ digits }})) as split_factor,
        case
            when not bool_or(dividend_ratio is null) over this_and_later
                then trim_scale(round(exp(sum(ln(dividend_ratio)) over this_and_later), {{ digits }}))
        end as dividend_factor
    from ratios
    window
        earlier_first as (partition by exchange, symbol order by ex_date),
        this_and_later as (
            partition by exchange, symbol order by ex_date rows between current row and unbounded following
        )

)

select * from adjustments
