with

gathered as (

    select * from {{ ref('int_forwards__gathered_by_day') }}

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
        coalesce(gathered.underlying_price, stated_elsewhere.close) as underlying_price,
        gathered.bar_end as underlying_end,
        false as underlying_is_stale
    from gathered
    -- the layout until July 2024 does not have the underlying's price: the day's file of indices or of shares has
    left join lateral (
        select official_closes.close
        from official_closes
        where
            gathered.underlying_price is null
            and gathered.underlying = official_closes.underlying
            and gathered.session_date = official_closes.session_date
        order by official_closes.precedence
        limit 1
    ) as stated_elsewhere on true

),

{{ fitted_forwards('with_underlying') }}

select * from fitted
