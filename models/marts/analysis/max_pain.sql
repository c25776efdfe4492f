with

chain as (

    select * from {{ ref('option_chain_daily') }}

),

-- sessions whose file lacks contracts: the payouts from that file are not those of the exchange
incomplete_sessions as (

    select * from {{ ref('int_sessions__incomplete') }}
    where instrument_type = 'option'

),

-- At a price of K at expiry, calls of lower strikes pay K - strike per unit and puts of higher strikes pay strike - K.
-- Each strike's payout follows in one pass from running sums of open interest and of strike times open interest.
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
            partition by underlying, exchange, session_date, bar_start, expiry
            order by strike asc
            rows between unbounded preceding and current row
        ),
        from_strike as (
            partition by underlying, exchange, session_date, bar_start, expiry
            order by strike asc
            rows between current row and unbounded following
        )

),

ranked as (

    select
        payouts.*,
        rank() over (partition by underlying, exchange, session_date, bar_start, expiry order by payout asc) as place
    from payouts

),

expiries as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        expiry,
        max(bar_end) as bar_end,
        max(underlying_price) as underlying_price,
        coalesce(sum(call_open_interest), 0) as call_open_interest,
        coalesce(sum(put_open_interest), 0) as put_open_interest,
        -- every listed contract has its figure
        bool_and(call_symbol is null or call_open_interest is not null) as calls_are_known,
        bool_and(put_symbol is null or put_open_interest is not null) as puts_are_known,
        min(strike) filter (where place = 1) as lowest_strike,
        max(strike) filter (where place = 1) as highest_strike,
        min(payout) as least_payout
    from ranked
    group by underlying, exchange, session_date, bar_start, expiry

),

known as (

    select
        expiries.*,
        expiries.calls_are_known and incomplete_sessions.session_date is null as has_all_calls,
        expiries.puts_are_known and incomplete_sessions.session_date is null as has_all_puts
    from expiries
    left join incomplete_sessions
        on expiries.underlying = incomplete_sessions.underlying
        and expiries.exchange = incomplete_sessions.exchange
        and expiries.session_date = incomplete_sessions.session_date

),

-- where nothing is open no strike is better than another
judged as (

    select
        known.*,
        has_all_calls and has_all_puts and call_open_interest + put_open_interest > 0 as has_max_pain
    from known

),

max_pain as (

    select
        -- ids
        underlying,
        exchange,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- where the holders get least
        case when has_max_pain then lowest_strike end as max_pain_strike,
        case when has_max_pain then highest_strike end as highest_max_pain_strike,
        case when has_max_pain then least_payout end as payout,
        underlying_price,
        case
            when has_max_pain
                then (100 * (lowest_strike / nullif(underlying_price, 0) - 1))::double precision
        end as distance_percent,

        -- what it follows from
        case when has_all_calls then call_open_interest end as call_open_interest,
        case when has_all_puts then put_open_interest end as put_open_interest

    from judged

)

select * from max_pain
