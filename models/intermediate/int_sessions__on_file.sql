{#- Of the contracts that the session before had and that live on, the part that must be on file: over 122 sessions of two
    indices there was never one less, for when the exchange dropped strikes without interest (0.06 of them, on 2025-06-27) it
    added more. -#}
{%- set least_part_of_before = 0.9 -%}
{#- And the part of the next session's: contracts that are added made that larger by half at most. -#}
{%- set least_part_of_next = 0.5 -%}
{{ config(
    materialized='reference', meta={'key': ['underlying', 'instrument_type', 'session_date']},
) }}

with

listed as (

    select * from {{ ref('int_series__listed') }}

),

sessions as (

    select
        session_date,
        opens_at,
        row_number() over (order by session_date) as number
    from {{ ref('int_sessions__dated') }}
    where exchange = 'NSE' and segment = 'fo'

),

cut_sessions as (

    select * from {{ ref('int_sessions__cut') }}

),

on_file as (

    select
        listed.underlying,
        listed.instrument_type,
        listed.session_date,
        -- as int_fo_bhavcopy__identified has it, so that a day's rows are found by their key
        coalesce(min(sessions.opens_at), min(listed.bar_start)) as opens_at,
        min(sessions.number) as number,
        sum(listed.contracts) as contracts,
        -- the layout that says lots has symbols too, by which contracts are known again whatever their expiry
        bool_and(listed.lot_size_decided_by is not distinct from 'bhavcopy') as has_symbols
    from listed
    left join sessions on listed.session_date = sessions.session_date
    group by listed.underlying, listed.instrument_type, listed.session_date

),

in_turn as (

    select
        on_file.*,
        lag(session_date) over earlier_first as previous_session_date,
        lag(opens_at) over earlier_first as previous_opens_at,
        lag(has_symbols) over earlier_first as previous_has_symbols,
        -- no session of the calendar lies between the two
        coalesce(number = lag(number) over earlier_first + 1, false) as previous_is_adjacent,
        lead(session_date) over earlier_first as next_session_date
    from on_file
    window earlier_first as (partition by underlying, instrument_type order by session_date)

),

followed_series as (

    select
        underlying,
        instrument_type,
        expiry,
        session_date,
        contracts,
        lead(session_date) over (
            partition by underlying, instrument_type, expiry order by session_date
        ) as next_listed
    from listed

),

-- What the session before had and had not expired by this one.
carried as (

    select
        in_turn.underlying,
        in_turn.instrument_type,
        in_turn.next_session_date as session_date,
        sum(followed_series.contracts) as contracts,
        bool_or(followed_series.next_listed is distinct from in_turn.next_session_date) as lacks_series
    from in_turn
    inner join followed_series
        on in_turn.underlying = followed_series.underlying
        and in_turn.instrument_type = followed_series.instrument_type
        and in_turn.session_date = followed_series.session_date
        and in_turn.next_session_date <= followed_series.expiry
    group by in_turn.underlying, in_turn.instrument_type, in_turn.next_session_date

),

beside_carried as (

    select
        in_turn.*,
        carried.contracts as contracts_carried,
        coalesce(carried.lacks_series, false)
        and not (in_turn.has_symbols and in_turn.previous_has_symbols) as renames_contracts
    from in_turn
    left join carried
        on in_turn.underlying = carried.underlying
        and in_turn.instrument_type = carried.instrument_type
        and in_turn.session_date = carried.session_date

),

judged as (

    select
        beside_carried.*,
        cut_sessions.session_date is null
        and coalesce(beside_carried.contracts >= {{ least_part_of_before }} * beside_carried.contracts_carried, true)
        and coalesce(
            not lead(beside_carried.previous_is_adjacent) over earlier_first
            or lead(beside_carried.contracts_carried) over earlier_first
            >= {{ least_part_of_next }} * lead(beside_carried.contracts) over earlier_first,
            true
        ) as is_whole
    from beside_carried
    left join cut_sessions
        on beside_carried.underlying = cut_sessions.underlying
        and beside_carried.instrument_type = cut_sessions.instrument_type
        and beside_carried.session_date = cut_sessions.session_date
    window earlier_first as (
        partition by beside_carried.underlying, beside_carried.instrument_type
        order by beside_carried.session_date
    )

),

with_previous as (

    select
        underlying,
        instrument_type,
        session_date,
        is_whole,
        renames_contracts,
        previous_session_date,
        previous_opens_at,
        lag(is_whole) over (
            partition by underlying, instrument_type order by session_date
        ) as previous_is_whole,
        previous_is_adjacent
    from judged

)

select * from with_previous
