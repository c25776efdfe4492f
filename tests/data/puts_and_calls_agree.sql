-- Put-call parity, nearly always: a call and a put of one strike that both trade in a minute price the same forward. Where
-- fewer than 95 % of the pairs of an underlying's session agree with its index within 0.5 % (and 5 % a year, for the carry
-- that dividends take away), prices, strikes, expiries or clocks do not belong together. Real bars of 2025-03-12: 1,033
-- pairs, the worst 0.10 % apart; their official days: 95 % within 0.5 %. Few pairs say nothing.

with

quotes as (

    select contract_id, session_date, expiry, bar_start, bar_end, close
    from {{ ref('int_options__quotes_deduped') }}
    -- every fifth minute is evidence enough
    where is_preferred and {{ newest_sessions() }} and extract(minute from bar_start)::integer % 5 = 0

),

spot as (

    select exchange, underlying, bar_start, close
    from {{ ref('int_spot__prices_deduped') }}
    where is_preferred and {{ newest_sessions() }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}
    where instrument_type = 'option'

),

expiries as (

    select * from {{ ref('int_expiries__dated') }}

),

rates as (

    select * from {{ ref('int_rates__daily') }}

),

strikes as (

    select
        contracts.exchange,
        contracts.underlying,
        quotes.session_date,
        contracts.strike,
        max(quotes.close) filter (where contracts.option_type = 'CE') as call,
        max(quotes.close) filter (where contracts.option_type = 'PE') as put,
        max(spot.close) as underlying_price,
        max(extract(epoch from expiries.expires_at - quotes.bar_end)) / (365 * 86400) as years_to_expiry
    from quotes
    inner join contracts on quotes.contract_id = contracts.contract_id
    inner join spot
        on contracts.exchange = spot.exchange
        and contracts.underlying = spot.underlying
        and quotes.bar_start = spot.bar_start
    inner join expiries on contracts.exchange = expiries.exchange and quotes.expiry = expiries.expiry
    group by contracts.exchange, contracts.underlying, quotes.session_date, quotes.expiry, contracts.strike, quotes.bar_start

),

pairs as (

    select
        strikes.exchange,
        strikes.underlying,
        strikes.session_date,
        abs(
            (strikes.call - strikes.put)
            - (strikes.underlying_price - strikes.strike * exp(-rates.interest_rate * strikes.years_to_expiry::double precision)::numeric)
        ) / strikes.underlying_price as residual,
        0.005 + 0.05 * strikes.years_to_expiry as allowed
    from strikes
    inner join rates on strikes.session_date = rates.session_date
    where strikes.call is not null and strikes.put is not null

)

select
    exchange,
    underlying,
    session_date,
    count(*) as pairs,
    count(*) filter (where residual <= allowed) as pairs_that_agree,
    max(residual) as worst
from pairs
group by exchange, underlying, session_date
having count(*) >= 30 and count(*) filter (where residual <= allowed) < 0.95 * count(*)
