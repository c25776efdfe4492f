{#- The part of the previous session's contracts that must be on file, among those that live on. Over 122 sessions of
    two indices there was never a contract less: when the exchange dropped strikes without interest (0.06 of them, on
    2025-06-27), it added more. -#}
{%- set least_part_of_before = 0.9 -%}
{#- And the part of the next session's contracts: added contracts made the next session larger by half at most. -#}
{%- set least_part_of_next = 0.5 -%}
{#- A tenth of a share's few strikes is soon dropped or added: this many say nothing. A future is never dropped. -#}
{%- set most_strikes_dropped = 20 -%}
{{ config(
    materialized='reference', meta={'key': ['exchange', 'underlying', 'instrument_type', 'session_date']},
) }}

with

listed as (

    select * from {{ ref('int_series__listed') }}

),

sessions as (

    select
        exchange,
        session_date,
        opens_at,
        row_number() over (partition by exchange order by session_date) as number
    from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

cut_sessions as (

    select * from {{ ref('int_sessions__cut') }}

),

on_file as (

    select
        listed.exchange,
        listed.underlying,
        listed.instrument_type,
        listed.session_date,
        -- as int_fo_bhavcopy__identified has it, so that a day's rows are found by their key
        coalesce(min(sessions.opens_at), min({{ midnight_of('listed.session_date') }})) as opens_at,
        min({{ midnight_of('listed.session_date') }}) as midnight,
        min(sessions.number) as number,
        bool_and(listed.has_symbols) as has_symbols,
        sum(listed.contracts)::bigint as contracts,
        min(listed.expiry) as first_expiry,
        array_agg(listed.expiry) as expiries,
        array_agg(listed.contracts) as contracts_of_expiries
    from listed
    left join exchanges on listed.exchange = exchanges.exchange
    left join sessions on listed.exchange = sessions.exchange and listed.session_date = sessions.session_date
    group by listed.exchange, listed.underlying, listed.instrument_type, listed.session_date

),

followed as (

    select
        on_file.*,
        lead(session_date) over earlier_first as next_session_date,
        lead(expiries) over earlier_first as next_expiries
    from on_file
    window earlier_first as (partition by exchange, underlying, instrument_type order by session_date)

),

-- The contracts that will not have expired by the next session, and whether one of their series is gone there. On most
-- days no series expires, so none has to be looked at by itself.
carried as (

    select
        followed.*,
        case
            when first_expiry >= next_session_date then contracts
            else (
                select sum(series.contracts)::bigint
                from unnest(followed.expiries, followed.contracts_of_expiries) as series (expiry, contracts)
                where series.expiry >= followed.next_session_date
            )
        end as contracts_to_carry,
        case
            when first_expiry >= next_session_date then not expiries <@ next_expiries
            else exists (
                select 1
                from unnest(followed.expiries) as series (expiry)
                where series.expiry >= followed.next_session_date and series.expiry <> all(followed.next_expiries)
            )
        end as loses_series
    from followed

),

in_turn as (

    select
        carried.*,
        lag(session_date) over earlier_first as previous_session_date,
        lag(opens_at) over earlier_first as previous_opens_at,
        lag(midnight) over earlier_first as previous_midnight,
        -- no session of the calendar lies between the two
        coalesce(number = lag(number) over earlier_first + 1, false) as previous_is_adjacent,
        coalesce(lead(number) over earlier_first = number + 1, false) as next_is_adjacent,
        coalesce(lag(loses_series) over earlier_first, false)
        and not (has_symbols and lag(has_symbols) over earlier_first) as renames_contracts,
        lag(contracts_to_carry) over earlier_first as contracts_carried,
        lead(contracts) over earlier_first as contracts_of_next
    from carried
    window earlier_first as (partition by exchange, underlying, instrument_type order by session_date)

),

compared as (

    select
        in_turn.*,
        case instrument_type when 'option' then {{ most_strikes_dropped }} else 0 end as most_dropped,
        contracts_carried - contracts as contracts_gone,
        case when next_is_adjacent then contracts_of_next - contracts_to_carry end as contracts_come
    from in_turn

),

judged as (

    select
        compared.*,
        cut_sessions.session_date is null
        and (
            compared.contracts_gone > compared.most_dropped
            and compared.contracts < {{ least_part_of_before }} * compared.contracts_carried
            -- contracts that were dropped stay away; contracts that a cut took are there again
            and (
                compared.contracts < {{ least_part_of_next }} * compared.contracts_carried
                or coalesce(compared.contracts_come >= 0.5 * compared.contracts_gone, true)
            )
        ) is not true
        and (
            compared.contracts_come > compared.most_dropped
            and compared.contracts_to_carry < {{ least_part_of_next }} * compared.contracts_of_next
        ) is not true as is_whole
    from compared
    left join cut_sessions
        on compared.exchange = cut_sessions.exchange
        and compared.underlying = cut_sessions.slice_group
        and compared.instrument_type = cut_sessions.instrument_type
        and compared.session_date = cut_sessions.session_date

),

with_previous as (

    select
        exchange,
        underlying,
        instrument_type,
        session_date,
        is_whole,
        renames_contracts,
        previous_session_date,
        previous_opens_at,
        previous_midnight,
        lag(is_whole) over (
            partition by exchange, underlying, instrument_type order by session_date
        ) as previous_is_whole,
        previous_is_adjacent
    from judged

)

select * from with_previous
