with

contracts as not materialized (

    select * from {{ ref('int_contracts__described') }}

),

symbols as not materialized (

    select * from {{ ref('int_symbols__identified') }}
    where contract_id is not null

),

loads as (

    select * from {{ source('audit', 'loads') }}

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

-- The dialects in which an exchange itself names its contracts.
exchange_dialects as (

    select * from {{ ref('exchange_dialects') }}

),

-- A re-dated contract has been in two series or more, one after the other.
expiries_of_contracts as (

    select
        symbols.contract_id,
        symbols.expiry,
        min(symbols.first_session) filter (
            where loads.raw_table in ({{ raw_tables_of(['instruments']) }})
        ) as first_dumped
    from symbols
    left join loads on symbols.load_id = loads.load_id
    where
        symbols.dialect in (select exchange_dialects.dialect from exchange_dialects)
        and symbols.expiry_decided_by = 'file'
    group by symbols.contract_id, symbols.expiry

),

dumped_series as (

    select
        exchange,
        underlying,
        instrument_type,
        expiry
    from {{ ref('int_series__dumped') }}
    group by exchange, underlying, instrument_type, expiry

),

-- An id outlives the loads that brought it: an expiry counts if a bhavcopy on file has the contract with it, or a list
-- of instruments on file has its series.
stated_expiries as (

    select
        contracts.contract_id,
        contracts.exchange,
        contracts.underlying,
        contracts.instrument_type,
        expiries_of_contracts.expiry,
        first_official.session_date as first_official,
        dumped.first_dumped,
        least(first_official.session_date, dumped.first_dumped) as starts_on
    from contracts
    inner join expiries_of_contracts on contracts.contract_id = expiries_of_contracts.contract_id
    left join dumped_series
        on contracts.exchange = dumped_series.exchange
        and contracts.underlying = dumped_series.underlying
        and contracts.instrument_type = dumped_series.instrument_type
        and expiries_of_contracts.expiry = dumped_series.expiry
    left join lateral (
        select official.session_date
        from {{ ref('int_fo_bhavcopy__deduped') }} as official
        where
            contracts.contract_id = official.contract_id
            and expiries_of_contracts.expiry = official.expiry
            and official.is_preferred
        order by official.bar_start asc
        limit 1
    ) as first_official on true
    cross join lateral (
        select case when dumped_series.expiry is not null then expiries_of_contracts.first_dumped end as first_dumped
    ) as dumped

),

-- Days on which the exchange re-dated contracts.
redated as (

    select * from {{ ref('int_expiries__in_force') }}

),

-- A contract that existed before its expiry was re-dated has the new expiry from that day, on file then or not.
begun as (

    select
        stated_expiries.contract_id,
        stated_expiries.exchange,
        stated_expiries.underlying,
        stated_expiries.instrument_type,
        stated_expiries.expiry,
        stated_expiries.first_official,
        stated_expiries.first_dumped,
        case
            when redated.valid_from is null then stated_expiries.starts_on
            else
                least(
                    stated_expiries.starts_on,
                    greatest(
                        redated.valid_from,
                        min(stated_expiries.starts_on) over (partition by stated_expiries.contract_id)
                    )
                )
        end as starts_on
    from stated_expiries
    left join redated
        on stated_expiries.exchange = redated.exchange
        and stated_expiries.underlying = redated.underlying
        and stated_expiries.expiry = redated.expiry
    where stated_expiries.starts_on is not null

),

-- If two expiries begin on one day, the bhavcopy's is in force.
expiries_in_turn as (

    select
        begun.*,
        lead(starts_on) over (
            partition by contract_id
            order by starts_on, (first_official is not distinct from starts_on), expiry
        ) as ends_before
    from begun

),

terms_in_series as (

    select
        expiries_in_turn.contract_id,
        greatest(series_terms.valid_from, expiries_in_turn.starts_on) as valid_from,
        series_terms.expiry,
        series_terms.lot_size,
        series_terms.tick_size,
        case
            when
                expiries_in_turn.first_dumped <= greatest(series_terms.valid_from, expiries_in_turn.starts_on)
                and coalesce(
                    expiries_in_turn.first_official > greatest(series_terms.valid_from, expiries_in_turn.starts_on),
                    true
                )
                then 'instrument dump'
            else 'bhavcopy'
        end as decided_by,
        series_terms.lot_size_decided_by,
        series_terms.tick_size_decided_by
    from expiries_in_turn
    inner join series_terms
        on expiries_in_turn.exchange = series_terms.exchange
        and expiries_in_turn.underlying = series_terms.underlying
        and expiries_in_turn.instrument_type = series_terms.instrument_type
        and expiries_in_turn.expiry = series_terms.expiry
    where
        coalesce(series_terms.valid_until > expiries_in_turn.starts_on, true)
        and coalesce(
            greatest(series_terms.valid_from, expiries_in_turn.starts_on) < expiries_in_turn.ends_before, true
        )

),

-- Contracts that no file of the exchange on file has: a symbol says the expiry, or the month and what was known about
-- it.
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
        contracts.exchange,
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
                        where contracts.contract_id = quotes.contract_id and quotes.is_preferred
                        order by quotes.bar_start {{ order }}
                        limit 1
                    )
                {% endfor -%}
            {% endfor %}
        ) as ends
    ) as named on named.first_session is not null
    where contracts.contract_id not in (select expiries_in_turn.contract_id from expiries_in_turn)

),

-- If two came at once, the later expiry is in force.
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
        on named_expiries.exchange = rules.exchange
        and named_expiries.underlying = rules.underlying
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
        on named_expiries.exchange = rules.exchange
        and named_expiries.underlying = rules.underlying
        and named_expiries.instrument_type = rules.instrument_type
        and named_expiries.valid_from < rules.valid_from
        and named_expiries.last_session >= rules.valid_from

),

-- For a re-dated contract, the expiry that was in force then.
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
        where
            dated_starts.exchange = series_terms.exchange
            and dated_starts.underlying = series_terms.underlying
            and dated_starts.expiry = series_terms.expiry
    ) as master on not dated_starts.is_named and dated_starts.is_known_of_month
    {{ joins_to_rules('dated_starts', 'starts_on') }}

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
