-- The chain of an underlying, and what follows from it, is put together from all options of that name: those of a second
-- exchange would be taken for the same strikes. Rows that state no exchange are not of another one. The slices are found without ref:
-- a test that fails stops what comes after all that it refers to.
-- depends_on: {{ ref('option_chain') }}, {{ ref('option_chain_daily') }}

with

slices as (

    select
        slices.slice_group as underlying,
        slices.session_date,
        nullif(slices.exchange, '') as exchange
    from {{ relation_of('int_loads__slices') if execute }} as slices
    inner join audit.current_loads as loads on slices.load_id = loads.load_id
    where slices.instrument_type = 'option' and {{ newest_sessions('slices.session_date') }}

)

select
    underlying,
    session_date,
    string_agg(distinct exchange, ', ' order by exchange) as exchanges
from slices
group by underlying, session_date
having count(distinct exchange) > 1
