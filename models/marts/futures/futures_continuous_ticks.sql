with

days as (

    select * from {{ ref('int_futures__days_rolled') }}

),

quotes as (

    select * from {{ ref('int_futures__quotes_deduped') }}
    where is_preferred

),

futures_continuous_ticks as (

    select
        -- ids
        days.exchange,
        days.underlying,
        days.roll_rule,
        days.position,
        quotes.contract_id,
        days.symbol,
        quotes.expiry,

        -- times
        quotes.bar_start,
        quotes.bar_end,
        quotes.session_date,

        -- prices and quantities of the contract itself
        quotes.open,
        quotes.high,
        quotes.low,
        quotes.close,
        quotes.volume,
        quotes.open_interest,

        -- prices moved by the differences of all later rolls
        days.difference_adjustment,
        quotes.open + days.difference_adjustment as difference_adjusted_open,
        quotes.high + days.difference_adjustment as difference_adjusted_high,
        quotes.low + days.difference_adjustment as difference_adjusted_low,
        quotes.close + days.difference_adjustment as difference_adjusted_close,

        -- prices scaled by the ratios of all later rolls
        days.ratio_adjustment,
        quotes.open * days.ratio_adjustment as ratio_adjusted_open,
        quotes.high * days.ratio_adjustment as ratio_adjusted_high,
        quotes.low * days.ratio_adjustment as ratio_adjusted_low,
        quotes.close * days.ratio_adjustment as ratio_adjusted_close

    from quotes
    -- The session's hours say nothing new, but with them the key of the bars finds the session's rows without the
    -- contract's other rows.
    inner join days
        on quotes.contract_id = days.contract_id
        and quotes.session_date = days.session_date
        and quotes.bar_start >= days.bar_start
        and quotes.bar_start < days.bar_end

)

select * from futures_continuous_ticks
