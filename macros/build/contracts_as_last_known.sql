{#
  The contracts in the CTE `contracts` as last known: their terms (contract_terms) on their last session on file, the first and the
  last session, and the moment of expiry.

  quotes: the model with the minute bars of these contracts.
#}
{% macro contracts_as_last_known(quotes) %}
select
    contracts.contract_id,
    contracts.symbol,
    contracts.exchange,
    contracts.underlying,
    contracts.expiry,
    contracts.strike,
    contracts.option_type,
    contracts.exchange_symbol,
    terms.lot_size,
    terms.lot_size_decided_by,
    terms.tick_size,
    least(first_official.session_date, first_quote.session_date) as first_session,
    greatest(last_official.session_date, last_quote.session_date) as last_session,
    expiries.expires_at
from contracts
left join {{ ref('int_expiries__dated') }} as expiries
    on contracts.exchange = expiries.exchange and contracts.expiry = expiries.expiry
left join lateral (
    select official.session_date
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    where contracts.contract_id = official.contract_id
    order by official.bar_start asc
    limit 1
) as first_official on true
left join lateral (
    select official.session_date
    from {{ ref('int_fo_bhavcopy__deduped') }} as official
    where contracts.contract_id = official.contract_id
    order by official.bar_start desc
    limit 1
) as last_official on true
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
left join {{ ref('contract_terms') }} as terms
    on contracts.contract_id = terms.contract_id
    and greatest(last_official.session_date, last_quote.session_date) >= terms.valid_from
    and greatest(last_official.session_date, last_quote.session_date) <= coalesce(terms.valid_to, 'infinity')
{% endmacro %}
