-- Two contracts of the same terms. It warns and does not stop: where a vendor's bars of a re-dated contract were built before
-- the exchange's file of that day, the vendor's symbol has a number of its own, and only a person can say that they are one.
{{ config(severity='warn') }}

select symbol, count(*) as contracts, array_agg(contract_id order by contract_id) as contract_ids
from {{ ref('int_contracts__described') }}
group by symbol
having count(*) > 1
