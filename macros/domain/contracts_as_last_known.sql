{#
  The contracts of a type in the CTE `contracts` as last known: their terms (contract_terms) on their last session on file, the first and the
  last session, and the moment of expiry.

  instrument_type: 'option' or 'future'.
  quotes: the model with the minute bars of these contracts.
#}
{% macro contracts_as_last_known(instrument_type, quotes) %}
{%- set relations = [
  (ref('int_fo_bhavcopy__deduped'), 'contract_id', 'bar_start'), (ref(quotes), 'contract_id', 'bar_start'),
  (ref('int_bars__deduped'), 'instrument_id', 'bar_start'), (ref('int_trades__deduped'), 'instrument_id', 'timestamp'),
  (ref('int_quotes__deduped'), 'instrument_id', 'timestamp'),
] %}
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
    least({% for _ in relations %}first_{{ loop.index }}.session_date{{ ', ' if not loop.last }}{% endfor %}) as first_session,
    greatest({% for _ in relations %}last_{{ loop.index }}.session_date{{ ', ' if not loop.last }}{% endfor %}) as last_session,
    expiries.expires_at
from contracts
left join {{ ref('int_expiries__dated') }} as expiries
    on contracts.exchange = expiries.exchange and contracts.expiry = expiries.expiry
{% for relation, key, time in relations %}
{% set of = loop.index %}
{% for end, order in [('first', 'asc'), ('last', 'desc')] %}
left join lateral (
    select rows_of_contract.session_date
    from {{ relation }} as rows_of_contract
    where contracts.contract_id = rows_of_contract.{{ key }} and rows_of_contract.is_preferred
    order by rows_of_contract.{{ time }} {{ order }}
    limit 1
) as {{ end }}_{{ of }} on true
{% endfor %}
{% endfor %}
left join {{ ref('contract_terms') }} as terms
    on contracts.contract_id = terms.contract_id
    and greatest({% for _ in relations %}last_{{ loop.index }}.session_date{{ ', ' if not loop.last }}{% endfor %}) >= terms.valid_from
    and greatest({% for _ in relations %}last_{{ loop.index }}.session_date{{ ', ' if not loop.last }}{% endfor %}) <= coalesce(terms.valid_to, 'infinity')
where contracts.instrument_type = '{{ instrument_type }}'
{% endmacro %}
