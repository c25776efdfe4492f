with

-- The layout until July 2024 states the underlying's price on the series that expires that day alone.
gathered as (

    select
        gathered.*,
        max(gathered.underlying_price) over (
            partition by gathered.exchange, gathered.underlying, gathered.bar_start
        ) as stated_price
    from {{ ref('int_forwards__gathered_by_day') }} as gathered

),

official_closes as (

    select * from {{ ref('int_underlyings__official_closes') }}

),

with_underlying as (

    select
        gathered.exchange,
        gathered.underlying,
        gathered.expiry,
        gathered.session_date,
        gathered.bar_start,
        gathered.bar_end,
        gathered.parity_strike,
        gathered.parity_call_less_put,
        gathered.parity_residual,
        gathered.parity_strikes,
        gathered.parity_is_traded,
        gathered.future_price,
        coalesce(gathered.stated_price, stated_elsewhere.close) as underlying_price,
        gathered.bar_end as underlying_end,
        false as underlying_is_stale
    from gathered
    -- on other days it does not have it at all: the day's file of indices or of shares has
    left join lateral (
        select official_closes.close
        from official_closes
        where
            gathered.stated_price is null
            and gathered.underlying = official_closes.underlying
            and gathered.session_date = official_closes.session_date
        order by official_closes.precedence
        limit 1
    ) as stated_elsewhere on true

),

{{ fitted_forwards('with_underlying') }}

select * from fitted
