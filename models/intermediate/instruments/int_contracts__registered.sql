{{ config(
    materialized='by_load',
    full_refresh=false,
    meta={'built_from': ['int_symbols__parsed'], 'keeps': 'everything'},
) }}

with

symbols as (

    select * from {{ ref('int_symbols__parsed') }}
    where unknown_reason is null and instrument_type in ('option', 'future') and underlying is not null

),

-- Symbols that an exchange gives its contracts itself.
exchange_names as (

    select dialect from {{ ref('exchange_dialects') }}
    where names_contracts

),

settled_expiries as (

    select * from {{ ref('int_expiries__settled') }}

),

-- The exchange re-dates live contracts, so a contract's identity does not depend on the expiry that it had at the time.
registered as (

    select
        known.*,
        exchange_names.dialect is not null as is_exchange_name,
        concat_ws(
            '|', known.exchange, known.instrument_type, known.underlying,
            coalesce(settled_expiries.settled_expiry, known.expiry), trim_scale(known.strike), known.option_type
        ) as settled_terms
    from {{ this }} as known
    left join settled_expiries
        on known.exchange = settled_expiries.exchange
        and known.underlying = settled_expiries.underlying
        and known.expiry = settled_expiries.expiry
    left join exchange_names on known.dialect = exchange_names.dialect

),

with_terms as (

    select
        symbols.dialect,
        symbols.vendor_symbol,
        symbols.vendor_expiry,
        symbols.exchange,
        symbols.instrument_type,
        symbols.underlying,
        symbols.expiry,
        symbols.strike,
        symbols.option_type,
        symbols.first_session,
        exchange_names.dialect is not null as is_exchange_name,
        concat_ws(
            '|', symbols.exchange, symbols.instrument_type, symbols.underlying, symbols.expiry,
            trim_scale(symbols.strike), symbols.option_type
        ) as terms,
        concat_ws(
            '|', symbols.exchange, symbols.instrument_type, symbols.underlying,
            coalesce(settled_expiries.settled_expiry, symbols.expiry), trim_scale(symbols.strike), symbols.option_type
        ) as settled_terms
    from symbols
    left join settled_expiries
        on symbols.exchange = settled_expiries.exchange
        and symbols.underlying = settled_expiries.underlying
        and symbols.expiry = settled_expiries.expiry
    left join exchange_names on symbols.dialect = exchange_names.dialect

),

-- New symbols, and known symbols for which another file says other terms: the latter keep their id.
unregistered as (

    select with_terms.*
    from with_terms
    where not exists (
        select 1 from registered
        where
            registered.dialect = with_terms.dialect
            and registered.vendor_symbol = with_terms.vendor_symbol
            and registered.vendor_expiry = with_terms.vendor_expiry
            and registered.terms = with_terms.terms
    )

),

-- The exchange keeps the symbol of a contract that it re-dates: the symbol, not the expiry, is the contract.
known_by_symbol as (

    select
        dialect,
        vendor_symbol,
        min(contract_id) as contract_id
    from registered
    where is_exchange_name
    group by dialect, vendor_symbol

),

known_by_terms as (

    select
        settled_terms,
        min(contract_id) as contract_id,
        array_agg(terms) filter (where is_exchange_name) as terms_of_exchange_symbols
    from registered
    group by settled_terms

),

-- A contract that a vendor names by its expiry is the exchange's contract of the same terms, if this build brings both.
exchange_symbols as (

    select
        settled_terms,
        min(dialect || '|' || vendor_symbol) as exchange_symbol
    from unregistered
    where is_exchange_name
    group by settled_terms

),

matched as (

    select
        unregistered.*,
        case
            when unregistered.is_exchange_name
                then 'symbol|' || unregistered.dialect || '|' || unregistered.vendor_symbol
            when exchange_symbols.exchange_symbol is not null then 'symbol|' || exchange_symbols.exchange_symbol
            else 'terms|' || unregistered.settled_terms
        end as identity,
        case
            when unregistered.is_exchange_name
                then coalesce(
                    known_by_symbol.contract_id,
                    -- another symbol with these very terms is another contract, which was re-dated away from them
                    case
                        when unregistered.terms <> all(coalesce(known_by_terms.terms_of_exchange_symbols, '{}'))
                            then known_by_terms.contract_id
                    end
                )
            else known_by_terms.contract_id
        end as known_contract_id
    from unregistered
    left join known_by_symbol
        on unregistered.dialect = known_by_symbol.dialect
        and unregistered.vendor_symbol = known_by_symbol.vendor_symbol
    left join known_by_terms on unregistered.settled_terms = known_by_terms.settled_terms
    left join exchange_symbols on unregistered.settled_terms = exchange_symbols.settled_terms

),

-- If one of an identity's symbols is known already, all of them are that contract.
identified as (

    select
        matched.*,
        min(matched.known_contract_id) over (partition by matched.identity) as identity_contract_id
    from matched

),

new_identities as (

    select
        identity,
        (select coalesce(max(contract_id), 0) from registered) + row_number() over (order by identity) as contract_id
    from identified
    where identity_contract_id is null
    group by identity

),

numbered as (

    select
        identified.dialect,
        identified.vendor_symbol,
        identified.vendor_expiry,
        coalesce(identified.identity_contract_id, new_identities.contract_id) as contract_id,
        identified.exchange,
        identified.instrument_type,
        identified.underlying,
        identified.expiry,
        identified.strike,
        identified.option_type,
        identified.terms,
        identified.first_session
    from identified
    left join new_identities on identified.identity = new_identities.identity

)

select * from numbered
