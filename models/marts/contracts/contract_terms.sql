with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

symbols as not materialized (

    select * from {{ ref('int_symbols__identified') }}
    where contract_id is not null

),

series_terms as (

    select * from {{ ref('int_series__terms') }}

),

lot_rules as (

    select * from {{ ref('lot_size_rules') }}

),

tick_rules as (

    select * from {{ ref('tick_size_rules') }}

),

-- A re-dated contract has been in two series or more, one after the other.
expiries_of_contracts as (

    select
        contract_id,
        expiry
    from symbols
    where dialect in ('nse', 'nse legacy') and expiry_decided_by = 'file'
    group by contract_id, expiry

),

dumped_contracts as (

    select contracts.contract_id
    from contracts
    inner join expiries_of_contracts on contracts.contract_id = expiries_of_contracts.contract_id
    inner join series_terms
        on contracts.underlying = series_terms.underlying
        and contracts.instrument_type = series_terms.instrument_type
        and expiries_of_contracts.expiry = series_terms.expiry
    where series_terms.decided_by = 'instrument dump'

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

-- No file of the exchange on file has them: a symbol says the expiry, or the month and what was known of it.
expiries_by_symbol as (

    select
        contract_id,
        expiry,
        min(first_session) as first_session,
        bool_or(expiry_decided_by in ('file', 'symbol')) as is_named,
        bool_or(expiry_decided_by = 'master') as is_known_of_month
    from symbols
    group by contract_id, expiry

),

contracts_by_symbol as (

    select
        contracts.contract_id,
        contracts.underlying,
        contracts.instrument_type,
        expiries_by_symbol.expiry,
        expiries_by_symbol.first_session,
        expiries_by_symbol.is_named,
        expiries_by_symbol.is_known_of_month,
        greatest(named.first_session, expiries_by_symbol.first_session) as valid_from,
        named.last_session
    from contracts
    inner join expiries_by_symbol on contracts.contract_id = expiries_by_symbol.contract_id
    inner join lateral (
        select
            min(ends.session_date) as first_session,
            max(ends.session_date) as last_session
        from (
            {% for quotes in ['int_options__quotes_deduped', 'int_futures__quotes_deduped'] -%}
                {%- set first_of_all = loop.first -%}
                {% for order in ['asc', 'desc'] -%}
                    {{ 'union all' if not (first_of_all and loop.first) }}
                    (
                        select quotes.session_date
                        from {{ ref(quotes) }} as quotes
                        where contracts.contract_id = quotes.contract_id
                        order by quotes.bar_start {{ order }}
                        limit 1
                    )
                {% endfor -%}
            {% endfor %}
        ) as ends
    ) as named on named.first_session is not null
    where
        contracts.contract_id not in (select expiries_of_contracts.contract_id from expiries_of_contracts)
        -- or the files that had it were taken back, and its bars in a vendor's were not
        or (
            contracts.contract_id not in (select dumped_contracts.contract_id from dumped_contracts)
            and not exists (
                select 1 from {{ ref('int_fo_bhavcopy__deduped') }} as official
                where contracts.contract_id = official.contract_id
            )
        )

),

-- Of two that came at once the later is in force.
named_expiries as (

    select distinct on (contract_id, valid_from) *
    from contracts_by_symbol
    order by contract_id asc, valid_from asc, first_session desc nulls last, expiry desc

),

-- The rest is what the rules say, from the first session on and from each day on which a rule begins while the contract
-- lives.
starts_by_symbol as (

    select
        contract_id,
        valid_from
    from named_expiries
    union
    select
        named_expiries.contract_id,
        rules.valid_from
    from named_expiries
    inner join lot_rules as rules
        on named_expiries.underlying = rules.underlying
        and named_expiries.valid_from < rules.valid_from
        and named_expiries.last_session >= rules.valid_from
        and named_expiries.expiry >= coalesce(rules.expiry_from, '-infinity')
        and named_expiries.expiry <= coalesce(rules.expiry_to, 'infinity')
    union
    select
        named_expiries.contract_id,
        rules.valid_from
    from named_expiries
    inner join tick_rules as rules
        on named_expiries.underlying = rules.underlying
        and named_expiries.instrument_type = rules.instrument_type
        and named_expiries.valid_from < rules.valid_from
        and named_expiries.last_session >= rules.valid_from

),

-- Of a re-dated contract the expiry that was in force then.
dated_starts as (

    select distinct on (starts_by_symbol.contract_id, starts_by_symbol.valid_from)
        starts_by_symbol.valid_from as starts_on,
        named_expiries.*
    from starts_by_symbol
    inner join named_expiries
        on starts_by_symbol.contract_id = named_expiries.contract_id
        and starts_by_symbol.valid_from >= named_expiries.valid_from
    order by starts_by_symbol.contract_id asc, starts_by_symbol.valid_from asc, named_expiries.valid_from desc

),

terms_of_starts as (

    select
        dated_starts.contract_id,
        dated_starts.starts_on as valid_from,
        dated_starts.expiry,
        ruled_lot.lot_size,
        ruled_tick.tick_size,
        case
            when dated_starts.is_named then 'symbol'
            when dated_starts.is_known_of_month then coalesce(master.decided_by, 'symbol')
            else 'rule'
        end as decided_by,
        case when ruled_lot.lot_size is not null then 'rule' end as lot_size_decided_by,
        case when ruled_tick.tick_size is not null then 'rule' end as tick_size_decided_by
    from dated_starts
    left join lateral (
        select min(series_terms.decided_by) as decided_by
        from series_terms
        where dated_starts.underlying = series_terms.underlying and dated_starts.expiry = series_terms.expiry
    ) as master on not dated_starts.is_named and dated_starts.is_known_of_month
    left join lateral (
        select case when min(rules.lot_size) = max(rules.lot_size) then min(rules.lot_size) end as lot_size
        from lot_rules as rules
        where
            dated_starts.underlying = rules.underlying
            and dated_starts.starts_on >= rules.valid_from
            and dated_starts.starts_on <= coalesce(rules.valid_to, 'infinity')
            and dated_starts.expiry >= coalesce(rules.expiry_from, '-infinity')
            and dated_starts.expiry <= coalesce(rules.expiry_to, 'infinity')
    ) as ruled_lot on true
    left join lateral (
        select min(rules.tick_size) as tick_size
        from tick_rules as rules
        where
            dated_starts.underlying = rules.underlying
            and dated_starts.instrument_type = rules.instrument_type
            and dated_starts.starts_on >= rules.valid_from
            and dated_starts.starts_on <= coalesce(rules.valid_to, 'infinity')
    ) as ruled_tick on true

),

with_terms_before as (

    select
        terms_of_starts.*,
        lag(valid_from) over earlier_first as valid_from_before,
        lag(expiry) over earlier_first as expiry_before,
        lag(lot_size) over earlier_first as lot_size_before,
        lag(tick_size) over earlier_first as tick_size_before
    from terms_of_starts
    window earlier_first as (partition by contract_id order by valid_from)

),

-- A day on which another rule says the same begins no new terms.
terms_by_symbol as (

    select
        contract_id,
        valid_from,
        expiry,
        lot_size,
        tick_size,
        decided_by,
        lot_size_decided_by,
        tick_size_decided_by
    from with_terms_before
    where
        valid_from_before is null
        or (expiry, lot_size, tick_size) is distinct from (expiry_before, lot_size_before, tick_size_before)

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
