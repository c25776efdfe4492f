{{ config(
    materialized='reference',
    indexes=[{'columns': ['symbol']}, {'columns': ['underlying', 'expiry']}],
    meta={'key': ['contract_id']},
) }}

with

registered as (

    select * from {{ ref('int_contracts__registered') }}

),

-- Of a re-dated contract's expiries the one first seen last is in force; the exchange's word goes first.
latest_terms as (

    select distinct on (contract_id) *
    from registered
    order by contract_id asc, first_session desc nulls last, dialect in ('nse', 'nse legacy') desc, expiry desc, vendor_symbol asc

),

exchange_symbols as (

    select
        contract_id,
        min(vendor_symbol) as exchange_symbol
    from registered
    where dialect = 'nse'
    group by contract_id

),

described as (

    select
        latest_terms.contract_id,
        latest_terms.underlying || '_' || to_char(latest_terms.expiry, 'YYMMDD') || case
            when latest_terms.instrument_type = 'option'
                then '_' || trim_scale(latest_terms.strike) || '_' || latest_terms.option_type
            else '_FUT'
        end as symbol,
        latest_terms.exchange,
        latest_terms.instrument_type,
        latest_terms.underlying,
        latest_terms.expiry,
        trim_scale(latest_terms.strike) as strike,
        latest_terms.option_type,
        exchange_symbols.exchange_symbol
    from latest_terms
    left join exchange_symbols on latest_terms.contract_id = exchange_symbols.contract_id

)

select * from described
