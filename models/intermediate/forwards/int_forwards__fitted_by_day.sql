with

gathered as (

    select
        gathered.*,
        -- the layout until July 2024 states it only on the series that expires that day
        {{ the_one_value('underlying_price', window='of_day') }} as stated_price,
        -- there is one rate up to a month and another beyond it: an expiry that does not show its own takes the next
        -- one's
        coalesce(
            (array_agg(settlement_rate) filter (where settlement_rate is not null) over later)[1],
            (array_agg(settlement_rate) filter (where settlement_rate is not null) over earlier)[1]
        ) as rate_in_premiums
    from {{ ref('int_forwards__gathered_by_day') }} as gathered
    -- each window has the session, so that a bound on it is applied below
    window
        of_day as (partition by exchange, underlying, session_date, bar_start),
        later as (
            partition by exchange, underlying, session_date, bar_start, premium_kind
            order by expiry asc
            rows between current row and unbounded following
        ),
        earlier as (
            partition by exchange, underlying, session_date, bar_start, premium_kind
            order by expiry desc
            rows between current row and unbounded following
        )

),

official_closes as (

    select * from {{ ref('int_underlyings__official_closes') }}

),

with_underlying as (

    select
        gathered.exchange,
        gathered.underlying,
        gathered.expiry,
        gathered.premium_kind,
        gathered.session_date,
        gathered.bar_start,
        gathered.bar_end,
        gathered.parity_strike,
        gathered.parity_call_less_put,
        gathered.parity_residual,
        gathered.parity_strikes,
        gathered.rate_in_premiums as settlement_rate,
        gathered.future_price,
        coalesce(gathered.stated_price, stated_elsewhere.close) as underlying_price,
        gathered.bar_end as underlying_end,
        false as underlying_is_stale
    from gathered
    -- on other days that layout does not state it at all: the day's file of indices or of shares does
    left join lateral (
        select official_closes.close
        from official_closes
        where
            gathered.stated_price is null
            and gathered.exchange = official_closes.exchange
            and gathered.underlying = official_closes.underlying
            and gathered.session_date = official_closes.session_date
        order by official_closes.precedence
        limit 1
    ) as stated_elsewhere on true

),

{{ fitted_forwards('with_underlying', has_settlement=true) }}

select * from fitted
