with

strikes as (

    select * from {{ ref('gamma_exposure_by_strike') }}

),

sums as (

    select
        underlying,
        exchange,
        session_date,
        bar_start,
        max(bar_end) as bar_end,
        -- days built from minutes end with the last trade of each expiry: the nearest expiry trades until the close
        (
            array_agg(underlying_price order by expiry asc) filter (where underlying_price is not null)
        )[1] as underlying_price,
        sum(call_gamma_exposure) as call_gamma_exposure,
        sum(put_gamma_exposure) as put_gamma_exposure,
        coalesce(sum(call_open_interest), 0) + coalesce(sum(put_open_interest), 0) as open_interest,
        coalesce(sum(call_open_interest) filter (where call_gamma_exposure is null), 0)
        + coalesce(sum(put_open_interest) filter (where put_gamma_exposure is null), 0) as open_interest_left_out
    from strikes
    group by underlying, exchange, session_date, bar_start

),

gamma_exposure as (

    select
        -- ids
        underlying,
        exchange,

        -- times
        session_date,
        bar_start,
        bar_end,
        underlying_price,

        -- rupees of delta per 1 % of the underlying
        call_gamma_exposure,
        put_gamma_exposure,
        call_gamma_exposure - put_gamma_exposure as net_gamma_exposure,

        -- how much of the open interest this covers
        open_interest,
        open_interest_left_out

    from sums

)

select * from gamma_exposure
