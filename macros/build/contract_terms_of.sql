{#
  The contracts in the CTE `contracts` with lot size, tick size, first and last session and the moment of expiry. The lot is the
  exchange's own of the latest day on file; where no bhavcopy says it, the dated rule of facts.lot_size_rules that holds on
  the contract's last session, and if rules contradict each other or are silent, none.

  quotes: the model with the minute bars of these contracts.
#}
{% macro contract_terms_of(quotes) %}
select
    contracts.contract_id,
    contracts.symbol,
    contracts.exchange,
    contracts.underlying,
    contracts.expiry,
    contracts.strike,
    contracts.option_type,
    contracts.exchange_symbol,
    coalesce(latest_official.lot_size, lot_rules.lot_size)::integer as lot_size,
    case
        when latest_official.lot_size is not null then 'bhavcopy'
        when lot_rules.lot_size is not null then 'rule'
    end as lot_size_decided_by,
    tick_rules.tick_size,
    least(first_official.session_date, first_quote.session_date) as first_session,
    greatest(latest_official.session_date, last_quote.session_date) as last_session,
    expiries.expires_at
from contracts
left join {{ ref('int_expiries__dated') }} as expiries
    on contracts.exchange = expiries.exchange and contracts.expiry = expiries.expiry
left join lateral (
    select official.session_date, official.lot_size
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    where contracts.contract_id = official.contract_id
    order by official.bar_start desc
    limit 1
) as latest_official on true
left join lateral (
    select official.session_date
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    where contracts.contract_id = official.contract_id
    order by official.bar_start asc
    limit 1
) as first_official on true
left join lateral (
    select quotes.session_date
    from {{ ref(quotes) }} as quotes
    where contracts.contract_id = quotes.contract_id
    order by quotes.bar_start asc
    limit 1
) as first_quote on true
left join lateral (
    select quotes.session_date
    from {{ ref(quotes) }} as quotes
    where contracts.contract_id = quotes.contract_id
    order by quotes.bar_start desc
    limit 1
) as last_quote on true
left join lateral (
    select case when min(rules.lot_size) = max(rules.lot_size) then min(rules.lot_size) end as lot_size
    from {{ ref('lot_size_rules') }} as rules
    where contracts.underlying = rules.underlying
        and last_quote.session_date >= rules.valid_from
        and last_quote.session_date <= coalesce(rules.valid_to, 'infinity')
        and contracts.expiry >= coalesce(rules.expiry_from, '-infinity')
        and contracts.expiry <= coalesce(rules.expiry_to, 'infinity')
) as lot_rules on true
left join lateral (
    select min(rules.tick_size) as tick_size
    from {{ ref('tick_size_rules') }} as rules
    where contracts.underlying = rules.underlying
        and contracts.instrument_type = rules.instrument_type
        and greatest(latest_official.session_date, last_quote.session_date) >= rules.valid_from
        and greatest(latest_official.session_date, last_quote.session_date) <= coalesce(rules.valid_to, 'infinity')
) as tick_rules on true
{% endmacro %}
