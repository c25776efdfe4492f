with

index_days as (

    select
        exchange,
        symbol as underlying,
        'index' as price_series,
        null::text as roll_rule,
        'index' as segment,
        session_date,
        open,
        high,
        low,
        close,
        1::numeric as roll_ratio
    from {{ ref('spot_daily') }}
    where is_preferred

),

rolls as (

    select * from {{ ref('futures_rolls') }}

),

-- The contract's own prices, and at a roll the ratio of both contracts, so that the roll is no return. Ratio-adjusted
-- prices would give the same, but there are none before the last roll whose gap is not known.
future_days as (

    select
        days.exchange,
        days.underlying,
        'front future' as price_series,
        days.roll_rule,
        'fo' as segment,
        days.session_date,
        days.open,
        days.high,
        days.low,
        days.close,
        case when rolls.session_date is null then 1 else rolls.ratio end as roll_ratio
    from {{ ref('futures_continuous') }} as days
    left join rolls
        on days.exchange = rolls.exchange
        and days.underlying = rolls.underlying
        and days.roll_rule = rolls.roll_rule
        and days.position = rolls.position
        and days.session_date = rolls.session_date
    where days.roll_rule = 'expiry' and days.position = 'front'

),

all_days as (

    select * from index_days
    union all
    select * from future_days

),

-- numbered, so that a session that is not on file leaves a hole in the window
sessions as (

    select
        exchange,
        segment,
        session_date,
        row_number() over (partition by exchange, segment order by session_date) as session_number
    from {{ ref('sessions') }}

),

logarithms as (

    select
        all_days.exchange,
        all_days.underlying,
        all_days.price_series,
        all_days.roll_rule,
        all_days.session_date,
        sessions.session_number,
        case when all_days.open > 0 then ln(all_days.open::double precision) end as open,
        case when all_days.high > 0 then ln(all_days.high::double precision) end as high,
        case when all_days.low > 0 then ln(all_days.low::double precision) end as low,
        case when all_days.close > 0 then ln(all_days.close::double precision) end as close,
        case when all_days.roll_ratio > 0 then ln(all_days.roll_ratio::double precision) end as roll_ratio
    from all_days
    inner join sessions
        on all_days.exchange = sessions.exchange
        and all_days.segment = sessions.segment
        and all_days.session_date = sessions.session_date

),

with_previous as (

    select
        logarithms.*,
        -- the close of the session before, or unknown; in terms of the row's own contract
        case
            when lag(session_number) over earlier = session_number - 1 then lag(close) over earlier + roll_ratio
        end as previous_close
    from logarithms
    window earlier as (partition by exchange, underlying, price_series order by session_number)

),

changes as (

    select
        exchange,
        underlying,
        price_series,
        roll_rule,
        session_date,
        session_number,
        close - previous_close as close_change,
        open - previous_close as overnight,
        close - open as intraday,
        high - low as high_low,
        0.5 * (high - low) * (high - low)
        - (2 * ln(2::double precision) - 1) * (close - open) * (close - open) as garman_klass,
        (high - close) * (high - open) + (low - close) * (low - open) as rogers_satchell
    from with_previous

),

variances as (

    select
        exchange,
        underlying,
        price_series,
        roll_rule,
        session_date,
        {{ variances_over(10) }},
        {{ variances_over(20) }},
        {{ variances_over(60) }}
    from changes
    window
        over_10 as (
            partition by exchange, underlying, price_series
            order by session_number asc
            range between 9 preceding and current row
        ),
        over_20 as (
            partition by exchange, underlying, price_series
            order by session_number asc
            range between 19 preceding and current row
        ),
        over_60 as (
            partition by exchange, underlying, price_series
            order by session_number asc
            range between 59 preceding and current row
        )

),

by_window as (

    select
        variances.exchange,
        variances.underlying,
        variances.price_series,
        variances.roll_rule,
        variances.session_date,
        estimates.*
    from variances
    cross join lateral (
        values
        (10, close_to_close_10, parkinson_10, garman_klass_10, rogers_satchell_10, yang_zhang_10),
        (20, close_to_close_20, parkinson_20, garman_klass_20, rogers_satchell_20, yang_zhang_20),
        (60, close_to_close_60, parkinson_60, garman_klass_60, rogers_satchell_60, yang_zhang_60)
    ) as estimates (window_sessions, close_to_close, parkinson, garman_klass, rogers_satchell, yang_zhang)

),

realized_volatility as (

    select
        -- ids
        underlying,
        exchange,
        price_series,
        roll_rule,
        window_sessions,

        -- times
        session_date,

        -- annualised by 252 sessions; a bar whose open or close lies outside its range can make a variance negative
        case when close_to_close >= 0 then sqrt(252 * close_to_close) end as close_to_close,
        case when parkinson >= 0 then sqrt(252 * parkinson) end as parkinson,
        case when garman_klass >= 0 then sqrt(252 * garman_klass) end as garman_klass,
        case when rogers_satchell >= 0 then sqrt(252 * rogers_satchell) end as rogers_satchell,
        case when yang_zhang >= 0 then sqrt(252 * yang_zhang) end as yang_zhang

    from by_window

)

select * from realized_volatility
