{#
  Times, rate and forward of each row of `gathered`, with the underlying beside them. Up to three forwards exist: the one that put-call
  parity implies, the price of the future that expires that day, and the underlying's price grown at the rate. var('forward_method') says
  which counts; 'best' takes them in that order, because the first two have the market's dividends and funding in them, and come from the
  same tape as the premiums (docs/decisions/0060-the-forward-comes-from-the-chain.md).

  Settlement prices have the exchange's own forward and rate in them, which nobody traded. So they are solved with that forward and rate,
  and never with those of trades. The exchange grows the underlying's close at its rate, so that forward comes before the exchange's price
  of a future.

  gathered: relation with the columns of gathered_forwards, and underlying_price, underlying_end, underlying_is_stale.
  has_settlement: whether it has premium_kind, with 'settlement' among its values, and settlement_rate, the rate in settlement prices.
  further:  columns of `gathered` to carry along.
#}
{% macro fitted_forwards(gathered, has_settlement=false, further=[]) %}
{#- For each way: the condition that must hold, the way's name, and the setting that asks for it beside 'best'. The first way whose
    condition holds counts. -#}
{%- set ways = [
    ('parity_forward > 0', 'parity', 'parity'),
    ('future_price > 0', 'future', 'future'),
    ('spot_forward > 0', 'spot and rate', 'spot and rate'),
] -%}
{%- set ways_of_settlement = [
    ('parity_forward > 0', 'settlement parity', 'parity'),
    ('spot_forward > 0', 'spot and rate', 'spot and rate'),
    ('future_price > 0', 'settlement future', 'future'),
] -%}
{%- set method = var('forward_method') -%}
{%- set methods = ['best'] + ways | map(attribute=2) | list -%}
{%- if method not in methods -%}
  {{ exceptions.raise_compiler_error("forward_method is " ~ methods | join(", ") ~ "; not " ~ method) }}
{%- endif -%}
{%- set is_settlement = "premium_kind = 'settlement'" -%}
{#- As a part of the strike. Half of the residuals of trades lie below 0.00013 and 99 % below 0.0019 (docs/greeks.md); premiums that lie
    wider apart were not traded at one time. One strike alone could be anything. -#}
{%- set widest_residual = '0.0025 * parity_strike' -%}
{%- set least_strikes = least_strikes_of_parity() -%}
{%- if has_settlement -%}
  {#- The exchange computes the premiums of every strike alike, so the residual is two steps of rounding at most. It is up to 0.0005 of the
      strike more where two strikes, which do not show the exchange's rate, are compared at a rough rate. -#}
  {%- set widest_residual = "case when " ~ is_settlement ~ " then 0.0005 * parity_strike + 0.1 else " ~ widest_residual ~ " end" -%}
  {%- set least_strikes = "case when " ~ is_settlement ~ " then 1 else " ~ least_strikes ~ " end" -%}
{%- endif -%}
with_times as (

    select
        gathered.*,
        {% if has_settlement -%}
        coalesce(gathered.settlement_rate, rates.interest_rate) as interest_rate,
        {%- else -%}
        rates.interest_rate,
        {%- endif %}
        {{ calendar_years_to_expiry() }} as calendar_years_to_expiry,
        {{ years_to_expiry() }} as years_to_expiry,
        expiries.expires_at <= gathered.bar_end as is_expired
    from {{ gathered }} as gathered
    left join {{ ref('int_expiries__dated') }} as expiries
        on gathered.exchange = expiries.exchange and gathered.expiry = expiries.expiry
    left join {{ ref('int_rates__daily') }} as rates on gathered.session_date = rates.session_date
    {%- if var('time_to_expiry') == 'trading' %}
    left join {{ ref('int_sessions__numbered') }} as session_of_bar
        on gathered.exchange = session_of_bar.exchange and gathered.session_date = session_of_bar.session_date
    left join {{ ref('int_sessions__numbered') }} as session_of_expiry
        on gathered.exchange = session_of_expiry.exchange and gathered.expiry = session_of_expiry.session_date
    {%- endif %}

),

with_growth as (

    select
        with_times.*,
        exp(interest_rate * greatest(calendar_years_to_expiry, 0)) as growth
    from with_times

),

each_forward as (

    select
        with_growth.*,
        case
            when
                parity_strikes >= {{ least_strikes }}
                and parity_residual <= {{ widest_residual }}
                then parity_strike + parity_call_less_put * growth
        end as parity_forward,
        case when not underlying_is_stale then underlying_price::double precision * growth end as spot_forward
    from with_growth

),

with_method as (

    select
        each_forward.*,
        case
            {%- if has_settlement %}
            {%- for holds, name, asked_for_by in ways_of_settlement if method in ('best', asked_for_by) %}
            when {{ is_settlement }} and {{ holds }} then '{{ name }}'
            {%- endfor %}
            when {{ is_settlement }} then null
            {%- endif %}
            {%- for holds, name, asked_for_by in ways if method in ('best', asked_for_by) %}
            when {{ holds }} then '{{ name }}'
            {%- endfor %}
        end as forward_method
    from each_forward

),

fitted as (

    select
        -- ids
        exchange,
        underlying,
        expiry,
        {% if has_settlement %}premium_kind,{% endif %}

        -- times
        session_date,
        bar_start,
        bar_end,
        calendar_years_to_expiry,
        years_to_expiry,
        is_expired,

        -- what a forward can be made of
        underlying_price,
        underlying_end,
        underlying_is_stale,
        interest_rate,
        parity_forward,
        parity_residual,
        parity_strikes,
        future_price,
        spot_forward,

        -- the one that counts
        forward_method,
        case
            when forward_method in ('parity', 'settlement parity') then parity_forward
            when forward_method in ('future', 'settlement future') then future_price::double precision
            when forward_method = 'spot and rate' then spot_forward
        end as forward_price
        {%- for column in further %},
        {{ column }}
        {%- endfor %}
    from with_method

)
{% endmacro %}


{# How many strikes parity needs: two vouch for each other, one alone could be anything. #}
{% macro least_strikes_of_parity() %}{{ return(2) }}{% endmacro %}


{#
  Years from a bar's end to its expiry as volatility counts them: either calendar time over 365 days, to the minute, or trading time, which
  is the remaining sessions and the rest of today's session over 252. Beyond the published calendar 252 of 365 days count as sessions.
#}
{% macro years_to_expiry() %}
{%- if var('time_to_expiry') not in ('calendar', 'trading') -%}
  {{ exceptions.raise_compiler_error("time_to_expiry is calendar or trading; not " ~ var('time_to_expiry')) }}
{%- endif -%}
{%- if var('time_to_expiry') == 'calendar' -%}
{{ calendar_years_to_expiry() }}
{%- else -%}
(
            coalesce(
                session_of_expiry.number,
                case
                    when gathered.expiry < session_of_bar.first_session
                        then 1 + (gathered.expiry - session_of_bar.first_session)::double precision * 252 / 365
                    else
                        session_of_bar.last_number
                        + (gathered.expiry - session_of_bar.last_session)::double precision * 252 / 365
                end
            )
            - session_of_bar.number
            + case
                when session_of_bar.is_whole
                    then least(greatest(
                        extract(epoch from session_of_bar.closes_at - gathered.bar_end)::double precision
                        / extract(epoch from session_of_bar.closes_at - session_of_bar.opens_at)::double precision,
                        0
                    ), 1)
                else 0
            end
        ) / 252
{%- endif -%}
{% endmacro %}


{# Calendar time from a bar's end to its expiry over 365 days, to the minute: the time over which interest runs. #}
{% macro calendar_years_to_expiry() -%}
extract(epoch from expiries.expires_at - gathered.bar_end)::double precision / (365 * 86400)::double precision
{%- endmacro %}
