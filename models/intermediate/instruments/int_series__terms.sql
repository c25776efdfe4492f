{%- set words = words_for_lots() | join("', '") -%}
with

listed as (

    select * from {{ ref('int_series__listed') }}

),

dumped as (

    select * from {{ ref('int_series__dumped') }}

),

lot_rules as (

    select * from {{ ref('lot_size_rules') }}

),

tick_rules as (

    select * from {{ ref('tick_size_rules') }}

),

-- What is known about a series on a day on which a bhavcopy or a list of instruments has it. What the bhavcopy says
-- goes first, then the list. If a bhavcopy does not say the lot, the lot is the rule's, or follows from the turnover.
statements as (

    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date,
        lot_size,
        null::numeric as tick_size,
        true as is_listed,
        lot_size_decided_by as decided_by,
        array_position(array['{{ words }}'], lot_size_decided_by) as precedence
    from listed
    union all
    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date,
        lot_size,
        tick_size,
        false as is_listed,
        'instrument dump' as decided_by,
        2 as precedence
    from dumped

),

spans as (

    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        min(session_date) as first_session,
        max(session_date) as last_session,
        min(session_date) filter (where is_listed) as first_listed
    from statements
    group by exchange, underlying, instrument_type, expiry

),

lots_of_days as (

    select distinct on (exchange, underlying, instrument_type, expiry, session_date)
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date,
        lot_size,
        decided_by
    from statements
    where lot_size is not null
    order by
        exchange asc, underlying asc, instrument_type asc, expiry asc, session_date asc, precedence asc

),

lot_changes as (

    select
        lots_of_days.*,
        lag(lot_size) over (
            partition by exchange, underlying, instrument_type, expiry order by session_date
        ) as lot_size_before
    from lots_of_days

),

ticks_of_days as (

    select
        statements.exchange,
        statements.underlying,
        statements.instrument_type,
        statements.expiry,
        statements.session_date,
        statements.tick_size,
        lag(statements.tick_size) over (
            partition by statements.exchange, statements.underlying, statements.instrument_type, statements.expiry
            order by statements.session_date
        ) as tick_size_before
    from statements
    where statements.tick_size is not null

),

-- The days on which something may change.
starts as (

    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        first_session as valid_from
    from spans
    union
    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date as valid_from
    from lot_changes
    where lot_size is distinct from lot_size_before
    union
    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date as valid_from
    from ticks_of_days
    where tick_size is distinct from tick_size_before
    union
    select
        spans.exchange,
        spans.underlying,
        spans.instrument_type,
        spans.expiry,
        tick_rules.valid_from
    from spans
    inner join tick_rules
        on spans.exchange = tick_rules.exchange
        and spans.underlying = tick_rules.underlying
        and spans.instrument_type = tick_rules.instrument_type
        and spans.first_session < tick_rules.valid_from
        and spans.last_session >= tick_rules.valid_from

),

as_of_starts as (

    select
        starts.exchange,
        starts.underlying,
        starts.instrument_type,
        starts.expiry,
        starts.valid_from,
        case when starts.valid_from >= spans.first_listed then 'bhavcopy' else 'instrument dump' end as decided_by,
        coalesce(stated_lot.lot_size, ruled_lot.lot_size)::integer as lot_size,
        coalesce(
            stated_lot.decided_by, case when ruled_lot.lot_size is not null then 'rule' end
        ) as lot_size_decided_by,
        -- the newer statement counts: a rule that began after the last list was written changes what the list said
        case
            when ruled_tick.valid_from > stated_tick.session_date then ruled_tick.tick_size
            else coalesce(stated_tick.tick_size, ruled_tick.tick_size)
        end as tick_size,
        case
            when stated_tick.tick_size is not null and coalesce(ruled_tick.valid_from <= stated_tick.session_date, true)
                then 'instrument dump'
            when ruled_tick.tick_size is not null then 'rule'
        end as tick_size_decided_by
    from starts
    inner join spans
        on starts.exchange = spans.exchange
        and starts.underlying = spans.underlying
        and starts.instrument_type = spans.instrument_type
        and starts.expiry = spans.expiry
    left join lateral (
        select
            lot_changes.lot_size,
            lot_changes.decided_by
        from lot_changes
        where
            lot_changes.exchange = starts.exchange
            and lot_changes.underlying = starts.underlying
            and lot_changes.instrument_type = starts.instrument_type
            and lot_changes.expiry = starts.expiry
            and lot_changes.session_date <= starts.valid_from
            and lot_changes.lot_size is distinct from lot_changes.lot_size_before
        order by lot_changes.session_date desc
        limit 1
    ) as stated_lot on true
    left join lateral (
        select
            ticks_of_days.tick_size,
            ticks_of_days.session_date
        from ticks_of_days
        where
            ticks_of_days.exchange = starts.exchange
            and ticks_of_days.underlying = starts.underlying
            and ticks_of_days.instrument_type = starts.instrument_type
            and ticks_of_days.expiry = starts.expiry
            and ticks_of_days.session_date <= starts.valid_from
        order by ticks_of_days.session_date desc
        limit 1
    ) as stated_tick on true
    {{ joins_to_rules('starts', 'valid_from') }}

),

-- A day on which another source says the same begins no new terms.
with_terms_before as (

    select
        as_of_starts.*,
        lag(array[lot_size, tick_size]) over (
            partition by exchange, underlying, instrument_type, expiry order by valid_from
        ) as terms_before
    from as_of_starts

),

terms as (

    select
        exchange,
        underlying,
        instrument_type,
        expiry,
        valid_from,
        lead(valid_from) over (
            partition by exchange, underlying, instrument_type, expiry order by valid_from
        ) as valid_until,
        decided_by,
        lot_size,
        lot_size_decided_by,
        tick_size,
        tick_size_decided_by
    from with_terms_before
    where terms_before is null or terms_before is distinct from array[lot_size, tick_size]

)

select * from terms
