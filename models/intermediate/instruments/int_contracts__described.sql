{{ config(
    materialized='reference',
    indexes=[{'columns': ['symbol']}, {'columns': ['underlying', 'expiry']}],
    meta={'key': ['contract_id']},
) }}

with

registered as (

    select * from {{ ref('int_contracts__registered') }}

),

-- The dialects in which an exchange itself names its contracts.
exchange_dialects as (

    select * from {{ ref('exchange_dialects') }}

),

-- The registry forgets nothing, not even what a wrong file said. Where it knows several expiries of a contract, the
-- exchange's newest row on file has the one in force.
of_several_expiries as (

    select contract_id
    from registered
    group by contract_id
    having min(expiry) < max(expiry)

),

expiries_on_file as (

    select
        of_several_expiries.contract_id,
        newest.expiry
    from of_several_expiries
    cross join lateral (
        select official.expiry
        from {{ ref('int_fo_bhavcopy__deduped') }} as official
        where of_several_expiries.contract_id = official.contract_id and official.is_preferred
        order by official.bar_start desc
        limit 1
    ) as newest

),

-- Without such a row, the expiry that was first seen latest is in force; what the exchange says goes first.
latest_terms as (

    select distinct on (registered.contract_id) registered.*
    from registered
    left join expiries_on_file on registered.contract_id = expiries_on_file.contract_id
    left join exchange_dialects on registered.dialect = exchange_dialects.dialect
    order by
        registered.contract_id asc,
        coalesce(registered.expiry = expiries_on_file.expiry, false) desc,
        registered.first_session desc nulls last,
        exchange_dialects.dialect is not null desc,
        registered.expiry desc,
        registered.vendor_symbol asc

),

exchange_symbols as (

    select
        registered.contract_id,
        min(registered.vendor_symbol) as exchange_symbol
    from registered
    inner join exchange_dialects on registered.dialect = exchange_dialects.dialect
    where exchange_dialects.names_contracts
    group by registered.contract_id

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
