{#
  What the chain itself says of the forwards: per expiry and bar the price that put-call parity puts on it, and the future's. A call
  less its put is worth the discounted difference of forward and strike, so every strike of which both were traded names a forward;
  the median of those nearest to the money is taken, because one stale premium moves it little where it would bend a line through all.

  The day's interest rate is left out, so that a changed one changes no row here: the median is handed on as its strike and its call
  less put, and forward = strike + (call - put) * exp(rate * years) follows. Only which strike is in the middle, and how far the
  others lie from it, needs a rate beforehand; a rough one does, it counts for less than a rupee in a year.

  Rows are compared by numbers alone, an underlying by that of its first contract: the same with names takes twice the time.

  options, futures: relations of bars with contract_id, expiry, session_date, bar_start, bar_end, close (NULL where not traded); they
                    are read more than once, so a CTE has to be `not materialized`, or no bound reaches what is below it. They
                    may be one relation that has both. Without futures: none.
  states_underlying: whether the options' rows have underlying_price, which is then handed on.
  has_untraded: whether the options' rows have settlement_price beside a close that is NULL where they were not traded. Settlement
                prices are computed, all of them from one forward, so they name it too; it counts where fewer strikes than parity
                needs had both legs traded.
#}
{% macro gathered_forwards(options, futures=none, states_underlying=false, has_untraded=false) %}
{%- set most_strikes = 10 -%}
{#- Farther from the money than this the difference is one of two big premiums, of which one is hardly traded. -#}
{%- set widest_difference = 0.05 -%}
{%- set rough_rate = 0.065 -%}
contracts as (

    select
        contract_id,
        instrument_type,
        exchange,
        underlying,
        expiry,
        strike,
        option_type,
        min(contract_id) over (partition by exchange, underlying) as chain_id
    from {{ ref('int_contracts__described') }}

),

legs as (

    select
        calls.chain_id,
        calls.strike,
        calls.contract_id as call_id,
        puts.contract_id as put_id
    from contracts as calls
    inner join contracts as puts
        on calls.chain_id = puts.chain_id and calls.expiry = puts.expiry and calls.strike = puts.strike
    where calls.option_type = 'CE' and puts.option_type = 'PE'

),

pairs as (

    select
        legs.chain_id,
        calls.session_date,
        calls.bar_start,
        calls.bar_end,
        calls.expiry,
        legs.strike,
        {%- if has_untraded %}
        case
            when calls.close is not null and puts.close is not null then calls.close - puts.close
            else calls.settlement_price - puts.settlement_price
        end as call_less_put,
        calls.close is not null and puts.close is not null as is_traded
        {%- else %}
        calls.close - puts.close as call_less_put,
        true as is_traded
        {%- endif %}
    from {{ options }} as calls
    inner join legs on calls.contract_id = legs.call_id
    inner join {{ options }} as puts
        on legs.put_id = puts.contract_id and calls.bar_start = puts.bar_start and calls.expiry = puts.expiry

),

ranked as (

    select
        pairs.*,
        strike::double precision
        + call_less_put::double precision
        * exp({{ rough_rate }} * greatest(expiry - session_date, 0) / 365) as rough_forward,
        row_number() over (
            partition by chain_id, session_date, bar_start, expiry, is_traded
            order by abs(call_less_put) asc, strike asc
        ) as nearness
        {%- if has_untraded %},
        count(*) filter (where is_traded) over (
            partition by chain_id, session_date, bar_start, expiry
        ) as traded_strikes
        {%- endif %}
    from pairs
    where abs(call_less_put) <= {{ widest_difference }} * strike

),

quotes as (

    select
        chain_id,
        session_date,
        bar_start,
        bar_end,
        expiry,
        strike,
        call_less_put,
        rough_forward,
        is_traded,
        null::numeric as future_price
        {%- if states_underlying %},
        null::numeric as underlying_price
        {%- endif %}
    from ranked
    where nearness <= {{ most_strikes }}
    {%- if has_untraded %} and is_traded = (traded_strikes >= {{ least_strikes_of_parity() }}){% endif %}
    union all
    -- a row for every expiry of which anything traded: each option finds one, if there is nothing in it
    select
        contracts.chain_id,
        bars.session_date,
        bars.bar_start,
        max(bars.bar_end) as bar_end,
        bars.expiry,
        null as strike,
        null as call_less_put,
        null as rough_forward,
        null as is_traded,
        null as future_price
        {%- if states_underlying %},
        max(bars.underlying_price) as underlying_price
        {%- endif %}
    from {{ options }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id
    group by contracts.chain_id, bars.session_date, bars.bar_start, bars.expiry
    {%- if futures %}
    union all
    select
        contracts.chain_id,
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        bars.expiry,
        null as strike,
        null as call_less_put,
        null as rough_forward,
        null as is_traded,
        bars.close as future_price
        {%- if states_underlying %},
        null as underlying_price
        {%- endif %}
    from {{ futures }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id
    where contracts.instrument_type = 'future'
    {%- endif %}

),

expiries as (

    select
        chain_id,
        session_date,
        bar_start,
        max(bar_end) as bar_end,
        expiry,
        count(rough_forward) as parity_strikes,
        bool_and(is_traded) as parity_is_traded,
        array_agg(strike order by rough_forward, strike) filter (where rough_forward is not null) as strikes,
        array_agg(call_less_put order by rough_forward, strike) filter (where rough_forward is not null) as differences,
        array_agg(rough_forward order by rough_forward, strike) filter (where rough_forward is not null) as rough_forwards,
        max(future_price) as future_price
        {%- if states_underlying %},
        max(underlying_price) as underlying_price
        {%- endif %}
    from quotes
    group by chain_id, session_date, bar_start, expiry

),

-- the one in the middle, or half of each of two
gathered as (

    select
        chains.exchange,
        chains.underlying,
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
        expiries.parity_is_traded,
        expiries.future_price
        {%- if states_underlying %},
        expiries.underlying_price
        {%- endif %}
    from expiries
    inner join contracts as chains on expiries.chain_id = chains.contract_id
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


{# How many strikes parity needs: of two each vouches for the other, one alone could be anything. #}
{% macro least_strikes_of_parity() %}{{ return(2) }}{% endmacro %}
