-- Two contracts of the same terms at one exchange. It warns and does not stop: where a vendor's bars of a re-dated contract were built before
-- the exchange's file of that day, the vendor's symbol has a number of its own, and only a person can say that they are one.
{{ config(severity='warn') }}

select exchange, symbol, count(*) as contracts, array_agg(contract_id order by contract_id) as contract_ids
from {{ ref('int_contracts__described') }}
group by exchange, symbol
having count(*) > 1
