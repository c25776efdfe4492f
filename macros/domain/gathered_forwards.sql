{#
  What the chain itself says about forwards: for each expiry and bar, the forward price that put-call parity implies, and the future's
  price. A call less its put is worth the discounted difference of forward and strike, so every strike with both premiums names a forward.
  The median of the strikes nearest to the money is taken: one stale premium moves a median little, but would bend a line through all
  strikes.

  Premiums are of several kinds: traded, quoted, or computed by the exchange. A call and a put are compared where both are of the same kind,
  and each kind has a forward of its own (docs/decisions/0073-a-premium-is-solved-with-the-forward-of-its-kind.md).

  The day's interest rate is left out, so that a changed rate changes no row here: the median is handed on as its strike and its call less
  put, from which forward = strike + (call - put) * exp(rate * years) follows. A rate is needed here only to find the strike in the middle
  and how far the others lie from it. A rough rate is enough: it counts for less than a rupee in a year.

  The exchange computes all settlement prices of an expiry from one forward and one rate, so call less put lies on a line in the strike, up
  to the rounding of prices. The slope of that line gives the exchange's rate, if enough strikes lie far enough apart. For settlement prices
  no strike is too far from the money.

  Rows are compared by numbers alone, and an underlying by the number of its first contract: to compare names takes twice the time.

  options: relation of contract_id, expiry, session_date, bar_start, bar_end, premium (NULL where there is none), and premium_kind where
           there are several; it is read more than once, so a CTE has to be `not materialized`, or no bound reaches what is below it.
  futures: the same for futures, with `price` in place of the premium. Without this relation there are no futures.
  kinds:   the kinds of premium, where there are several: 'trade', 'quote', 'settlement'.
  states_underlying: whether the options' rows have underlying_price, which is handed on as far as the rows of an expiry agree.
#}
{% macro gathered_forwards(options, futures=none, kinds=[], states_underlying=false) %}
{%- for kind in kinds if kind not in ('trade', 'quote', 'settlement') -%}
  {{ exceptions.raise_compiler_error("gathered_forwards: a kind of premium is trade, quote or settlement, not " ~ kind) }}
{%- endfor -%}
{%- set has_settlement = 'settlement' in kinds -%}
{%- set kind_of = namespace(bars='', key='') -%}
{%- if kinds -%}
  {%- set kind_of.bars = 'bars.premium_kind,' -%}
  {%- set kind_of.key = ', premium_kind' -%}
{%- endif -%}
{%- set most_strikes = 10 -%}
{#- Farther from the money than this, call less put is the difference of two big premiums, one of which is hardly traded. -#}
{%- set widest_difference = 0.05 -%}
{%- set rough_rate = 0.065 -%}
{#- Prices are whole steps of 0.05. Computed prices lie no more than two steps off the line through them. -#}
{%- set widest_error = 0.10 -%}
{#- The span of the strikes, times years: at this span a step of 0.05 is less than half a point of the rate. -#}
{%- set least_span = 10 -%}
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
        {% if kinds %}calls.premium_kind,{% endif %}
        legs.strike,
        calls.premium - puts.premium as call_less_put
    from {{ options }} as calls
    inner join legs on calls.contract_id = legs.call_id
    inner join {{ options }} as puts
        on legs.put_id = puts.contract_id
        and calls.bar_start = puts.bar_start
        and calls.expiry = puts.expiry
        {%- if kinds %}
        and calls.premium_kind = puts.premium_kind
        {%- endif %}
    where calls.premium is not null and puts.premium is not null

),
{% if has_settlement %}
lines as (

    select
        pairs.*,
        expiry - session_date as days,
        count(*) over of_expiry as strikes_of_line,
        (max(strike) over of_expiry - min(strike) over of_expiry)::double precision as span,
        regr_slope(call_less_put::double precision, strike::double precision) over of_expiry as slope,
        regr_syy(call_less_put::double precision, strike::double precision) over of_expiry
        * (1 - regr_r2(call_less_put::double precision, strike::double precision) over of_expiry) as squared_errors
    from pairs
    window of_expiry as (partition by chain_id, session_date, bar_start, expiry{{ kind_of.key }})

),

rated as (

    select
        lines.*,
        case
            when
                premium_kind = 'settlement'
                -- any two strikes make a line
                and strikes_of_line >= 3
                and span * days >= {{ least_span }} * 365
                and squared_errors <= {{ widest_error * widest_error }} * strikes_of_line
                and slope < 0
                then -ln(-slope) * 365 / days
        end as settlement_rate
    from lines

),
{% endif %}
ranked as (

    select
        pairs.*,
        strike::double precision
        + call_less_put::double precision
        * exp(
            {{ 'coalesce(settlement_rate, ' ~ rough_rate ~ ')' if has_settlement else rough_rate }}
            * greatest(expiry - session_date, 0) / 365
        ) as rough_forward,
        row_number() over (
            partition by chain_id, session_date, bar_start, expiry{{ kind_of.key }}
            order by abs(call_less_put) asc, strike asc
        ) as nearness
    from {{ 'rated' if has_settlement else 'pairs' }} as pairs
    where
        abs(call_less_put) <= {{ widest_difference }} * strike
        {%- if has_settlement %}
        or premium_kind = 'settlement'
        {%- endif %}

),

quotes as (

    select
        chain_id,
        session_date,
        bar_start,
        bar_end,
        expiry,
        {% if kinds %}premium_kind,{% endif %}
        strike,
        call_less_put,
        rough_forward,
        {% if has_settlement %}settlement_rate,{% endif %}
        {% if states_underlying %}null::numeric as underlying_price,{% endif %}
        null::numeric as future_price
    from ranked
    where nearness <= {{ most_strikes }}
    union all
    -- a row for every expiry that has an option, so that each option finds one, even if there is nothing in it
    select
        contracts.chain_id,
        bars.session_date,
        bars.bar_start,
        max(bars.bar_end) as bar_end,
        bars.expiry,
        {{ kind_of.bars }}
        null as strike,
        null as call_less_put,
        null as rough_forward,
        {% if has_settlement %}null as settlement_rate,{% endif %}
        {% if states_underlying %}{{ the_one_value('bars.underlying_price') }} as underlying_price,{% endif %}
        null as future_price
    from {{ options }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id
    group by contracts.chain_id, bars.session_date, bars.bar_start, bars.expiry{{ ', bars.premium_kind' if kinds }}
    {%- if futures %}
    union all
    select
        contracts.chain_id,
        bars.session_date,
        bars.bar_start,
        bars.bar_end,
        bars.expiry,
        {{ kind_of.bars }}
        null as strike,
        null as call_less_put,
        null as rough_forward,
        {% if has_settlement %}null as settlement_rate,{% endif %}
        {% if states_underlying %}null as underlying_price,{% endif %}
        bars.price as future_price
    from {{ futures }} as bars
    inner join contracts on bars.contract_id = contracts.contract_id
    {%- endif %}

),

expiries as (

    select
        chain_id,
        session_date,
        bar_start,
        max(bar_end) as bar_end,
        expiry,
        {% if kinds %}premium_kind,{% endif %}
        count(rough_forward) as parity_strikes,
        array_agg(strike order by rough_forward, strike) filter (where rough_forward is not null) as strikes,
        array_agg(call_less_put order by rough_forward, strike) filter (where rough_forward is not null) as differences,
        array_agg(rough_forward order by rough_forward, strike) filter (where rough_forward is not null) as rough_forwards,
        {% if has_settlement %}max(settlement_rate) as settlement_rate,{% endif %}
        {% if states_underlying %}max(underlying_price) as underlying_price,{% endif %}
        max(future_price) as future_price
    from quotes
    group by chain_id, session_date, bar_start, expiry{{ kind_of.key }}

),

-- the strike in the middle, or half of each of the two in the middle
gathered as (

    select
        chains.exchange,
        chains.underlying,
        expiries.expiry,
        {% if kinds %}expiries.premium_kind,{% endif %}
        expiries.session_date,
        expiries.bar_start,
        expiries.bar_end,
        ((expiries.strikes[middle.lower_place] + expiries.strikes[middle.upper_place]) / 2)::double precision as parity_strike,
        (
            (expiries.differences[middle.lower_place] + expiries.differences[middle.upper_place]) / 2
        )::double precision as parity_call_less_put,
        residuals.parity_residual,
        expiries.parity_strikes::integer as parity_strikes,
        {% if has_settlement %}expiries.settlement_rate,{% endif %}
        {% if states_underlying %}expiries.underlying_price,{% endif %}
        expiries.future_price
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
