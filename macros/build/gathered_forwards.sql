{#
  What the chain itself says of the forwards: per expiry and bar the price that put-call parity puts on it, and the future's. A call
  less its put is worth the discounted difference of forward and strike, so every strike of which both were traded names a forward;
  the median of those nearest to the money is taken, because one stale premium moves it little where it would bend a line through all.

  The day's interest rate is left out, so that a changed one changes no row here: the median is handed on as its strike and its call
  less put, and forward = strike + (call - put) * exp(rate * years) follows. Only which strike is in the middle, and how far the
  others lie from it, needs a rate beforehand; a rough one does, it counts for less than a rupee in a year.

  options: relation with exchange, underlying, expiry, session_date, bar_start, bar_end, strike, option_type, close (NULL where not traded); it is read
           twice, so a CTE has to be `not materialized`, or no bound reaches what is below it.
  futures: relation with exchange, underlying, expiry, session_date, bar_start, bar_end, close.
#}
{% macro gathered_forwards(options, futures) %}
{%- set most_strikes = 10 -%}
{#- Farther from the money than this the difference is one of two big premiums, of which one is hardly traded. -#}
{%- set widest_difference = 0.05 -%}
{%- set rough_rate = 0.065 -%}
pairs as (

    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        expiry,
        strike,
        max(close) filter (where option_type = 'CE') - max(close) filter (where option_type = 'PE') as call_less_put
    from {{ options }}
    group by exchange, underlying, session_date, bar_start, bar_end, expiry, strike

),

ranked as (

    select
        pairs.*,
        strike::double precision
        + call_less_put::double precision
        * exp({{ rough_rate }} * greatest(expiry - session_date, 0) / 365) as rough_forward,
        row_number() over (
            partition by exchange, underlying, session_date, bar_start, expiry
            order by abs(call_less_put) asc, strike asc
        ) as nearness
    from pairs
    where abs(call_less_put) <= {{ widest_difference }} * strike

),

quotes as (

    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        expiry,
        strike,
        call_less_put,
        rough_forward,
        null::numeric as future_price
    from ranked
    where nearness <= {{ most_strikes }}
    union all
    -- one row per expiry of which anything was traded: every option finds its row, if there is nothing in it
    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        expiry,
        null as strike,
        null as call_less_put,
        null as rough_forward,
        null as future_price
    from {{ options }}
    group by exchange, underlying, session_date, bar_start, bar_end, expiry
    union all
    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        expiry,
        null as strike,
        null as call_less_put,
        null as rough_forward,
        close as future_price
    from {{ futures }}

),

expiries as (

    select
        exchange,
        underlying,
        session_date,
        bar_start,
        bar_end,
        expiry,
        count(rough_forward) as parity_strikes,
        array_agg(strike order by rough_forward, strike) filter (where rough_forward is not null) as strikes,
        array_agg(call_less_put order by rough_forward, strike) filter (where rough_forward is not null) as differences,
        array_agg(rough_forward order by rough_forward, strike) filter (where rough_forward is not null) as rough_forwards,
        max(future_price) as future_price
    from quotes
    group by exchange, underlying, session_date, bar_start, bar_end, expiry

),

-- the one in the middle, or half of each of two
gathered as (

    select
        expiries.exchange,
        expiries.underlying,
        expiries.expiry,
        expiries.session_date,
        expiries.bar_start,
        expiries.bar_end,
        ((expiries.strikes[middle.lower_place] + expiries.strikes[middle.upper_place]) / 2)::double precision as parity_strike,
        (
            (expiries.differences[middle.lower_place] + expiries.differences[middle.upper_place]) / 2
        )::double precision as parity_call_less_put,
        residuals.parity_residual,
        expiries.parity_strikes::integer as parity_strikes,
        expiries.future_price
    from expiries
    cross join lateral (
        select
            (expiries.parity_strikes + 1) / 2 as lower_place,
            expiries.parity_strikes / 2 + 1 as upper_place
    ) as middle
    cross join lateral (
        select
            percentile_cont(0.5) within group (
                order by abs(
                    each_strike.rough_forward
                    - (expiries.rough_forwards[middle.lower_place] + expiries.rough_forwards[middle.upper_place]) / 2
                )
            ) as parity_residual
        from unnest(expiries.rough_forwards) as each_strike (rough_forward)
    ) as residuals

)
{% endmacro %}
