with

official as (

    select * from {{ ref('int_equities__official_deduped') }}
    -- the series that the share itself trades in; others of its symbol are bonds, rights and partly paid shares
    where series in ('EQ', 'BE', 'BZ', 'BL', 'SM', 'ST', 'SZ') and is_preferred

),

adjustments as (

    select * from {{ ref('int_equities__adjustments') }}

),

with_factors as (

    select
        official.*,
        coalesce(adjustments.split_factor, 1) as split_factor,
        case when adjustments.symbol is null then 1 else adjustments.dividend_factor end as dividend_factor
    from official
    left join adjustments
        on official.exchange = adjustments.exchange
        and official.symbol = adjustments.symbol
        and official.session_date >= adjustments.valid_from
        and official.session_date < adjustments.valid_until

),

equity_daily_adjusted as (

    select
        -- ids
        symbol,
        exchange,
        series,
        isin,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- factors
        split_factor,
        dividend_factor,

        -- prices: as if every split and bonus had been made before; rounded, for a third of a share has no last digit
        is_traded,
        trim_scale(round(open * split_factor, 8)) as open,
        trim_scale(round(high * split_factor, 8)) as high,
        trim_scale(round(low * split_factor, 8)) as low,
        trim_scale(round(close * split_factor, 8)) as close,
        trim_scale(round(close * split_factor * dividend_factor, 8)) as total_return_close,
        close as unadjusted_close,

        -- quantities
        trim_scale(round(volume / split_factor, 2)) as volume,
        trim_scale(round(delivered_volume / split_factor, 2)) as delivered_volume,
        turnover,
        trades
    from with_factors

)

select * from equity_daily_adjusted
