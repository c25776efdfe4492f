with

chain as (

    select * from {{ ref('option_chain_daily') }}

),

-- At a price of K at expiry calls of lower strikes pay K - strike per unit and puts of higher ones strike - K: from
-- running sums of open interest and of strike times open interest each strike's payout follows in one pass.
payouts as (

    select
        chain.*,
        strike * coalesce(sum(call_open_interest) over up_to_strike, 0)
        - coalesce(sum(strike * call_open_interest) over up_to_strike, 0)
        + coalesce(sum(strike * put_open_interest) over from_strike, 0)
        - strike * coalesce(sum(put_open_interest) over from_strike, 0) as payout
    from chain
    window
        up_to_strike as (
            partition by underlying, session_date, bar_start, expiry
            order by strike asc
            rows between unbounded preceding and current row
        ),
        from_strike as (
            partition by underlying, session_date, bar_start, expiry
            order by strike asc
            rows between current row and unbounded following
        )

),

ranked as (

    select
        payouts.*,
        rank() over (partition by underlying, session_date, bar_start, expiry order by payout asc) as place
    from payouts

),

-- sessions whose file lacks contracts: what it pays out is not what the exchange had
incomplete_sessions as (

    select
        underlying,
        session_date
    from {{ ref('int_sessions__on_file') }}
    where instrument_type = 'option' and not is_whole

),

expiries as (

    select
        underlying,
        session_date,
        bar_start,
        expiry,
        max(bar_end) as bar_end,
        max(underlying_price) as underlying_price,
        coalesce(sum(call_open_interest), 0)::bigint as call_open_interest,
        coalesce(sum(put_open_interest), 0)::bigint as put_open_interest,
        -- a contract that is listed without a figure
        bool_or(
            (call_symbol is not null and call_open_interest is null)
            or (put_symbol is not null and put_open_interest is null)
        ) as is_unknown,
        min(strike) filter (where place = 1) as lowest_strike,
        max(strike) filter (where place = 1) as highest_strike,
        min(payout) as least_payout
    from ranked
    group by underlying, session_date, bar_start, expiry

),

max_pain as (

    select
        -- ids
        underlying,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- where the holders get least
        lowest_strike as max_pain_strike,
        highest_strike as highest_max_pain_strike,
        least_payout as payout,
        underlying_price,
        (100 * (lowest_strike / nullif(underlying_price, 0) - 1))::double precision as distance_percent,

        -- what it follows from
        call_open_interest,
        put_open_interest

    from expiries
    where
        not is_unknown
        and call_open_interest + put_open_interest > 0
        and (underlying, session_date) not in (
            select
                incomplete_sessions.underlying,
                incomplete_sessions.session_date
            from incomplete_sessions
        )

)

select * from max_pain
