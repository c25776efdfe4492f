with

chain as (

    select * from {{ ref('option_chain_daily') }}

),

-- sessions whose file lacks contracts: the sums from that file are not those of the exchange
incomplete_sessions as (

    select * from {{ ref('int_sessions__incomplete') }}
    where instrument_type = 'option'

),

-- a leg that is not listed holds nothing; one that is listed without a figure makes the sums unknown
with_totals as (

    select
        chain.*,
        case
            when
                incomplete_sessions.session_date is null
                and bool_and(call_symbol is null or call_open_interest is not null) over of_expiry
                then sum(call_open_interest) over of_expiry
        end as total_of_calls,
        case
            when
                incomplete_sessions.session_date is null
                and bool_and(put_symbol is null or put_open_interest is not null) over of_expiry
                then sum(put_open_interest) over of_expiry
        end as total_of_puts,
        case
            when
                (call_symbol is null or call_open_interest is not null)
                and (put_symbol is null or put_open_interest is not null)
                then coalesce(call_open_interest, 0) + coalesce(put_open_interest, 0)
        end as open_interest
    from chain
    left join incomplete_sessions
        on chain.underlying = incomplete_sessions.underlying
        and chain.exchange = incomplete_sessions.exchange
        and chain.session_date = incomplete_sessions.session_date
    window
        of_expiry as (
            partition by chain.underlying, chain.exchange, chain.session_date, chain.bar_start, chain.expiry
        )

),

open_interest_profile as (

    select
        -- ids
        underlying,
        exchange,
        expiry,
        strike,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- where the strike lies
        underlying_price,
        log_moneyness,

        -- open interest
        call_open_interest,
        put_open_interest,
        open_interest,
        call_change_in_open_interest,
        put_change_in_open_interest,

        -- shares of the expiry's
        (call_open_interest / nullif(total_of_calls, 0))::double precision as share_of_calls,
        (put_open_interest / nullif(total_of_puts, 0))::double precision as share_of_puts,
        (open_interest / nullif(total_of_calls + total_of_puts, 0))::double precision as share_of_open_interest

    from with_totals

)

select * from open_interest_profile
