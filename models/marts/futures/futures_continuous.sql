with

days as (

    select * from {{ ref('int_futures__days_rolled') }}

),

futures_continuous as (

    select
        -- ids
        exchange,
        underlying,
        roll_rule,
        position,
        contract_id,
        symbol,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- where the row is from
        source,
        is_traded,

        -- prices and quantities of the contract itself
        open,
        high,
        low,
        close,
        settlement_price,
        volume,
        open_interest,

        -- prices moved by the differences of all later rolls
        difference_adjustment,
        open + difference_adjustment as difference_adjusted_open,
        high + difference_adjustment as difference_adjusted_high,
        low + difference_adjustment as difference_adjusted_low,
        close + difference_adjustment as difference_adjusted_close,

        -- prices scaled by the ratios of all later rolls
        ratio_adjustment,
        open * ratio_adjustment as ratio_adjusted_open,
        high * ratio_adjustment as ratio_adjusted_high,
        low * ratio_adjustment as ratio_adjusted_low,
        close * ratio_adjustment as ratio_adjusted_close

    from days
    -- a session without a row of the contract takes part in the rolls, but has nothing to show
    where bar_start is not null

)

select * from futures_continuous
