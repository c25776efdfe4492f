with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

registered as (

    select * from {{ ref('int_contracts__registered') }}

),

series_terms as (

    select * from {{ ref('int_series__terms') }}

),

-- A re-dated contract has been in two series or more, one after the other.
expiries_of_contracts as (

    select
        contract_id,
        expiry
    from registered
    where dialect in ('nse', 'nse legacy')
    group by contract_id, expiry

),

terms_in_series as (

    select
        contracts.contract_id,
        greatest(series_terms.valid_from, first_official.first_session) as valid_from,
        series_terms.expiry,
        series_terms.lot_size,
        series_terms.tick_size,
        series_terms.decided_by,
        series_terms.lot_size_decided_by,
        series_terms.tick_size_decided_by
    from contracts
    inner join expiries_of_contracts on contracts.contract_id = expiries_of_contracts.contract_id
    inner join series_terms
        on contracts.underlying = series_terms.underlying
        and contracts.instrument_type = series_terms.instrument_type
        and expiries_of_contracts.expiry = series_terms.expiry
    left join lateral (
        select official.session_date as first_session
        from {{ ref('int_fo_bhavcopy__deduped') }} as official
        where contracts.contract_id = official.contract_id
        order by official.bar_start asc
        limit 1
    ) as first_official on true
    -- an id outlives the loads that brought it; without them there is nothing to say of the contract
    where
        case
            when first_official.first_session is not null
                then coalesce(series_terms.valid_until > first_official.first_session, true)
            else series_terms.decided_by = 'instrument dump'
        end

),

-- Named by a vendor alone: the expiry is what the symbol says, the rest what the rules say of its first session.
terms_by_symbol as (

    select
        contracts.contract_id,
        named.first_session as valid_from,
        contracts.expiry,
        ruled_lot.lot_size,
        ruled_tick.tick_size,
        'symbol' as decided_by,
        case when ruled_lot.lot_size is not null then 'rule' end as lot_size_decided_by,
        case when ruled_tick.tick_size is not null then 'rule' end as tick_size_decided_by
    from contracts
    inner join lateral (
        select min(firsts.session_date) as first_session
        from (
            (
                select quotes.session_date
                from {{ ref('int_options__quotes_deduped') }} as quotes
                where contracts.contract_id = quotes.contract_id
                order by quotes.bar_start asc
                limit 1
            )
            union all
            (
                select quotes.session_date
                from {{ ref('int_futures__quotes_deduped') }} as quotes
                where contracts.contract_id = quotes.contract_id
                order by quotes.bar_start asc
                limit 1
            )
        ) as firsts
    ) as named on named.first_session is not null
    left join lateral (
        select case when min(rules.lot_size) = max(rules.lot_size) then min(rules.lot_size) end as lot_size
        from {{ ref('lot_size_rules') }} as rules
        where
            contracts.underlying = rules.underlying
            and named.first_session >= rules.valid_from
            and named.first_session <= coalesce(rules.valid_to, 'infinity')
            and contracts.expiry >= coalesce(rules.expiry_from, '-infinity')
            and contracts.expiry <= coalesce(rules.expiry_to, 'infinity')
    ) as ruled_lot on true
    left join lateral (
        select min(rules.tick_size) as tick_size
        from {{ ref('tick_size_rules') }} as rules
        where
            contracts.underlying = rules.underlying
            and contracts.instrument_type = rules.instrument_type
            and named.first_session >= rules.valid_from
            and named.first_session <= coalesce(rules.valid_to, 'infinity')
    ) as ruled_tick on true
    where contracts.contract_id not in (select expiries_of_contracts.contract_id from expiries_of_contracts)

),

all_terms as (

    select * from terms_in_series
    union all
    select * from terms_by_symbol

),

contract_terms as (

    select
        -- ids
        contracts.contract_id,
        contracts.symbol,
        contracts.exchange,
        contracts.instrument_type,
        contracts.underlying,
        contracts.strike,
        contracts.option_type,

        -- validity
        all_terms.valid_from,
        lead(all_terms.valid_from) over (
            partition by contracts.contract_id order by all_terms.valid_from, all_terms.expiry
        ) - 1 as valid_to,

        -- terms
        all_terms.expiry,
        all_terms.lot_size,
        all_terms.tick_size,
        all_terms.decided_by,
        all_terms.lot_size_decided_by,
        all_terms.tick_size_decided_by

    from all_terms
    inner join contracts on all_terms.contract_id = contracts.contract_id

)

select * from contract_terms
