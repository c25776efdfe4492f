{#
  The contracts of a type in the CTE `contracts` as last known: their terms (contract_terms) on their last session on file, the first and the
  last session, and the moment of expiry.

  instrument_type: 'option' or 'future'.
  quotes: the model with the minute bars of these contracts.
#}
{% macro contracts_as_last_known(instrument_type, quotes) %}
select
    contracts.contract_id,
    contracts.symbol,
    contracts.exchange,
    '{{ instrument_type }}' as instrument_type,
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
{% for relation, of in [(ref('int_fo_bhavcopy__deduped'), 'official'), (ref(quotes), 'quote')] %}
{% for end, order in [('first', 'asc'), ('last', 'desc')] %}
left join lateral (
    select rows_of_contract.session_date
    from {{ relation }} as rows_of_contract
    where contracts.contract_id = rows_of_contract.contract_id and rows_of_contract.is_preferred
    order by rows_of_contract.bar_start {{ order }}
    limit 1
) as {{ end }}_{{ of }} on true
{% endfor %}
{% endfor %}
left join {{ ref('contract_terms') }} as terms
    on contracts.contract_id = terms.contract_id
    and greatest(last_official.session_date, last_quote.session_date) >= terms.valid_from
    and greatest(last_official.session_date, last_quote.session_date) <= coalesce(terms.valid_to, 'infinity')
where contracts.instrument_type = '{{ instrument_type }}'
{% endmacro %}
