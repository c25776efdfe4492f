{#- Every source is followed, because the models after this one take their loads from here. Shares and index closes
    bring no symbols of contracts. -#}
{{ config(
    materialized='by_load',
    full_refresh=false,
    meta={
        'built_from': 'ledger',
        'keeps': 'everything',
        'evaluates_again': ['terms differ from the contract of that symbol'],
    },
) }}

with

known_symbols as (

    select * from {{ this }}

),

current_loads as (

    select * from {{ source('audit', 'current_loads') }}

),

built_loads as (

    select * from {{ own_table('audit', 'built_loads') }}
    where model = 'int_symbols__parsed'

),

listed_underlyings as (

    select * from {{ ref('listed_underlyings') }}

),

-- Symbols that an exchange gives its contracts itself.
exchange_names as (

    select dialect from {{ ref('exchange_dialects') }}
    where names_contracts

),

expiry_rules as (

    select * from {{ ref('nse_expiry_rules') }}

),

ruled_expiries as (

    select * from {{ ref('int_expiries__by_rule') }}

),

settled_expiries as (

    select * from {{ ref('int_expiries__settled') }}

),

expiries_in_force as (

    select * from {{ ref('int_expiries__in_force') }}

),

-- Beyond the list of holidays, the rules only guess.
calendar as (

    select
        date_trunc('year', min(holiday_date))::date as first_day,
        (date_trunc('year', max(holiday_date)) + interval '1 year - 1 day')::date as last_day
    from {{ ref('nse_holidays') }}

),

-- A symbol is read again if it could not be read, if the load that it was read from counts no longer (what a wrong file
-- said of a contract goes with that file), or if that load is built anew because the rules have changed.
to_be_read as (

    select delivered.*
    from {{ ref('int_symbols__delivered') }} as delivered
    where not exists (
        select 1 from known_symbols
        where
            known_symbols.dialect = delivered.dialect
            and known_symbols.vendor_symbol = delivered.vendor_symbol
            and known_symbols.vendor_expiry = delivered.vendor_expiry
            and known_symbols.unknown_reason is null
            and known_symbols.load_id in (select current_loads.load_id from current_loads)
            and known_symbols.load_id in (select built_loads.load_id from built_loads)
    )

),

read_columns as (

    select
        dialect,
        vendor_symbol,
        vendor_expiry,
        exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        first_session,
        load_id,
        case
            when instrument_type is null then 'unknown instrument type'
            when instrument_type not in ('option', 'future') then null
            when expiry is null then {{ no_date(
                'vendor_expiry', "'impossible expiry date: ' || left(vendor_expiry, 20)"
            ) }}
            when instrument_type = 'option' and strike is null then 'option without a strike'
            when instrument_type = 'option' and coalesce(option_type, '') not in ('CE', 'PE')
                then 'option that is neither CE nor PE'
            when underlying is null then 'underlying is missing'
        end as unknown_reason,
        case when instrument_type in ('option', 'future') and expiry is not null then 'file' end as expiry_decided_by
    from to_be_read
    where states_parts

),

-- The exchange's names: those that it gave before and that still count, and those that come now.
known_names as not materialized (

    select
        dialect,
        exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        vendor_symbol,
        first_session,
        true as is_known
    from known_symbols
    where
        dialect in (select exchange_names.dialect from exchange_names)
        and unknown_reason is null
        and load_id in (select current_loads.load_id from current_loads)
        and load_id in (select built_loads.load_id from built_loads)

),

new_names as (

    select
        dialect,
        exchange,
        instrument_type,
        underlying,
        expiry,
        strike,
        option_type,
        vendor_symbol,
        first_session,
        false as is_known
    from read_columns
    where dialect in (select exchange_names.dialect from exchange_names) and unknown_reason is null

),

-- Of all known names, only those are compared that may belong to the same contracts as the new ones.
names_of_new_series as (

    select * from new_names
    union all
    select *
    from known_names
    where
        (underlying, expiry) in (
            select
                new_names.underlying,
                new_names.expiry
            from new_names
        )

),

-- How well each name fits the expiry of its row: the very day, a month, another day.
names_of_contracts as (

    select
        named.*,
        concat_ws(
            '|', named.exchange, named.instrument_type, named.underlying, named.expiry, trim_scale(named.strike),
            named.option_type
        ) as terms,
        case
            when starts_with(
                named.vendor_symbol,
                named.underlying || to_char(named.expiry, 'YY')
                || substr('123456789OND', extract(month from named.expiry)::integer, 1) || to_char(named.expiry, 'DD')
            ) then 1
            when starts_with(named.vendor_symbol, named.underlying || to_char(named.expiry, 'YYMON')) then 2
            else 3
        end as fit
    from names_of_new_series as named

),

-- Names that have the same terms: the new one, and the one that goes before it.
pairs_of_names as (

    select
        ours.dialect,
        ours.vendor_symbol,
        ours.expiry,
        other.vendor_symbol as other_symbol,
        case
            when other.first_session <= ours.first_session then other.vendor_symbol else ours.vendor_symbol
        end as first_symbol,
        least(ours.first_session, other.first_session) as first_session,
        greatest(ours.first_session, other.first_session) as last_session
    from names_of_contracts as ours
    inner join names_of_contracts as other
        on ours.terms = other.terms and ours.vendor_symbol <> other.vendor_symbol
    where
        not ours.is_known
        and (
            other.is_known
            or (other.first_session, other.fit, other.vendor_symbol)
            < (ours.first_session, ours.fit, ours.vendor_symbol)
        )

),

-- Two names cannot have the same terms on the same day: one of the rows is wrong. If the contract that had the terms
-- first was re-dated before the other came, each had its time.
other_names as (

    select
        pairs_of_names.dialect,
        pairs_of_names.vendor_symbol,
        pairs_of_names.expiry,
        min(pairs_of_names.other_symbol) as other_symbol
    from pairs_of_names
    where
        not exists (
            select 1 from (
                select * from known_names
                union all
                select * from new_names
            ) as moved
            where
                moved.dialect = pairs_of_names.dialect
                and moved.vendor_symbol = pairs_of_names.first_symbol
                and moved.expiry <> pairs_of_names.expiry
                and moved.first_session > pairs_of_names.first_session
                and moved.first_session <= pairs_of_names.last_session
        )
    group by pairs_of_names.dialect, pairs_of_names.vendor_symbol, pairs_of_names.expiry

),

stated as (

    select
        read_columns.dialect,
        read_columns.vendor_symbol,
        read_columns.vendor_expiry,
        read_columns.exchange,
        read_columns.instrument_type,
        read_columns.underlying,
        read_columns.expiry,
        read_columns.strike,
        read_columns.option_type,
        read_columns.first_session,
        read_columns.load_id,
        coalesce(
            read_columns.unknown_reason, 'another symbol names this contract: ' || other_names.other_symbol
        ) as unknown_reason,
        read_columns.expiry_decided_by
    from read_columns
    left join other_names
        on read_columns.dialect = other_names.dialect
        and read_columns.vendor_symbol = other_names.vendor_symbol
        and read_columns.expiry = other_names.expiry

),

texts as (

    select
        dialect,
        vendor_symbol
    from to_be_read
    where not states_parts
    group by dialect, vendor_symbol

),

readings as (

    {{ symbol_readings('texts') | indent(4) }}

),

read_texts as (

    select
        to_be_read.dialect,
        to_be_read.vendor_symbol,
        to_be_read.vendor_expiry,
        -- empty where nobody says it: such an instrument stands by itself
        coalesce(to_be_read.exchange, listed_underlyings.exchange, '') as exchange,
        listed_underlyings.exchange as listed_at,
        listed_underlyings.underlying is not null as is_listed_index,
        case
            when readings.instrument_type <> 'future' or readings.names_month or to_be_read.expiry is not null
                then readings.instrument_type
        end as instrument_type,
        readings.underlying,
        readings.expiry as symbol_expiry,
        readings.contract_month,
        readings.month_means,
        readings.names_month,
        readings.is_impossible_date,
        to_be_read.expiry as expiry_column,
        readings.strike,
        readings.option_type,
        readings.vendor_symbol is not null as is_read,
        readings.refused_because,
        to_be_read.first_session,
        to_be_read.load_id
    from to_be_read
    left join readings
        on to_be_read.dialect = readings.dialect and to_be_read.vendor_symbol = readings.vendor_symbol
    left join listed_underlyings on readings.underlying = listed_underlyings.underlying
    where not to_be_read.states_parts

),

-- If no rule, no re-dating and no file has the symbol's date, the symbol is wrong, or was read wrongly. The rules are
-- complete only where they say the monthly expiries of an underlying.
dates_of_symbols as (

    select
        exchange,
        underlying,
        symbol_expiry
    from read_texts
    where symbol_expiry is not null and refused_because is null
    group by exchange, underlying, symbol_expiry

),

unruled_dates as (

    select dates_of_symbols.*
    from dates_of_symbols
    inner join expiry_rules
        on dates_of_symbols.exchange = expiry_rules.exchange
        and dates_of_symbols.underlying = expiry_rules.underlying
        and expiry_rules.cycle = 'monthly'
        and dates_of_symbols.symbol_expiry >= expiry_rules.expiry_from
        and dates_of_symbols.symbol_expiry <= coalesce(expiry_rules.expiry_to, 'infinity')
    cross join calendar
    left join ruled_expiries
        on dates_of_symbols.exchange = ruled_expiries.exchange
        and dates_of_symbols.underlying = ruled_expiries.underlying
        and dates_of_symbols.symbol_expiry = ruled_expiries.expiry
    left join expiries_in_force
        on dates_of_symbols.exchange = expiries_in_force.exchange
        and dates_of_symbols.underlying = expiries_in_force.underlying
        and dates_of_symbols.symbol_expiry = expiries_in_force.expiry
    where
        dates_of_symbols.symbol_expiry between calendar.first_day and calendar.last_day
        and ruled_expiries.expiry is null
        and expiries_in_force.expiry is null

),

-- The expiries that full dates have stated, in this build and before it. Not materialized: it is read only where a date
-- is missing.
said as not materialized (

    select
        dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        underlying,
        expiry,
        expiry_decided_by,
        first_session
    from known_symbols
    where unknown_reason is null and expiry_decided_by in ('file', 'symbol')
    union all
    select
        dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        underlying,
        expiry,
        expiry_decided_by,
        first_session
    from stated
    where unknown_reason is null
    union all
    select
        dialect,
        vendor_symbol,
        exchange,
        instrument_type,
        underlying,
        coalesce(symbol_expiry, expiry_column) as expiry,
        case when symbol_expiry is not null then 'symbol' else 'file' end as expiry_decided_by,
        first_session
    from read_texts
    where
        refused_because is null
        and instrument_type in ('option', 'future')
        and coalesce(symbol_expiry, expiry_column) is not null

),

never_listed as (

    select unruled_dates.*
    from unruled_dates
    where not exists (
        select 1 from said
        where
            said.exchange = unruled_dates.exchange
            and said.underlying = unruled_dates.underlying
            and said.expiry = unruled_dates.symbol_expiry
            and said.expiry_decided_by = 'file'
    )

),

-- Symbols that name a month and no day.
of_a_month as (

    select
        exchange,
        underlying,
        contract_month,
        coalesce(first_session, 'infinity') as first_session
    from read_texts
    where contract_month is not null and symbol_expiry is null and expiry_column is null and refused_because is null
    group by exchange, underlying, contract_month, coalesce(first_session, 'infinity')

),

-- Monthly contracts are those that the exchange names by the month, all futures and all options on stocks.
said_of_months as (

    select
        said.exchange,
        said.underlying,
        case
            when exchange_names.dialect is not null then left(said.vendor_symbol, length(said.underlying) + 5)
            else said.underlying || to_char(said.expiry, 'YYMON')
        end as monthly_name,
        said.expiry,
        said.first_session
    from said
    left join listed_underlyings on said.underlying = listed_underlyings.underlying
    left join exchange_names on said.dialect = exchange_names.dialect
    where exchange_names.dialect is not null or said.instrument_type = 'future' or listed_underlyings.underlying is null

),

-- The contract master: the newest statement of the first session or before, else the oldest one after it.
by_master as (

    select distinct on (of_a_month.exchange, of_a_month.underlying, of_a_month.contract_month, of_a_month.first_session)
        of_a_month.*,
        said_of_months.expiry
    from of_a_month
    inner join said_of_months
        on of_a_month.exchange = said_of_months.exchange
        and of_a_month.underlying = said_of_months.underlying
        and of_a_month.underlying || to_char(of_a_month.contract_month, 'YYMON') = said_of_months.monthly_name
    order by
        of_a_month.exchange asc,
        of_a_month.underlying asc,
        of_a_month.contract_month asc,
        of_a_month.first_session asc,
        coalesce(of_a_month.first_session >= said_of_months.first_session, false) desc,
        case when of_a_month.first_session >= said_of_months.first_session then said_of_months.first_session end desc,
        said_of_months.first_session asc nulls last,
        said_of_months.expiry desc

),

ruled_months as (

    select
        exchange,
        underlying,
        contract_month,
        max(expiry) filter (where cycle = 'monthly') as expiry,
        count(*) as expiries
    from ruled_expiries
    group by exchange, underlying, contract_month

),

-- Either expiry may be of another day than the symbol, so it is carried over the re-datings in between.
expiries_of_months as (

    select
        of_a_month.exchange,
        of_a_month.underlying,
        of_a_month.contract_month,
        of_a_month.first_session,
        coalesce(expiries_in_force.expiry, by_master.expiry, ruled_months.expiry) as expiry,
        case
            when by_master.expiry is not null then 'master'
            when ruled_months.expiry is not null then 'rule'
        end as decided_by,
        coalesce(ruled_months.expiries = 1, false) as is_only_expiry
    from of_a_month
    left join by_master
        on of_a_month.exchange = by_master.exchange
        and of_a_month.underlying = by_master.underlying
        and of_a_month.contract_month = by_master.contract_month
        and of_a_month.first_session = by_master.first_session
    left join ruled_months
        on of_a_month.exchange = ruled_months.exchange
        and of_a_month.underlying = ruled_months.underlying
        and of_a_month.contract_month = ruled_months.contract_month
    left join settled_expiries
        on of_a_month.exchange = settled_expiries.exchange
        and of_a_month.underlying = settled_expiries.underlying
        and coalesce(by_master.expiry, ruled_months.expiry) = settled_expiries.expiry
    left join expiries_in_force
        on of_a_month.exchange = expiries_in_force.exchange
        and of_a_month.underlying = expiries_in_force.underlying
        and coalesce(settled_expiries.settled_expiry, by_master.expiry, ruled_months.expiry)
        = expiries_in_force.settled_expiry
        and of_a_month.first_session >= coalesce(expiries_in_force.valid_from, '-infinity')
        and (expiries_in_force.valid_until is null or of_a_month.first_session < expiries_in_force.valid_until)

),

judged as (

    select
        read_texts.dialect,
        read_texts.vendor_symbol,
        read_texts.vendor_expiry,
        read_texts.exchange,
        read_texts.instrument_type,
        read_texts.underlying,
        case
            when read_texts.instrument_type in ('option', 'future')
                then coalesce(read_texts.symbol_expiry, read_texts.expiry_column, expiries_of_months.expiry)
        end as expiry,
        read_texts.strike,
        read_texts.option_type,
        read_texts.first_session,
        read_texts.load_id,
        case
            when not read_texts.is_read then 'unknown symbol grammar'
            when read_texts.refused_because is not null then read_texts.refused_because
            when read_texts.is_impossible_date then 'impossible expiry in the symbol'
            when read_texts.listed_at <> read_texts.exchange then 'contract of another exchange'
            when
                read_texts.expiry_column <> read_texts.symbol_expiry
                or date_trunc('month', read_texts.expiry_column) <> read_texts.contract_month
                then 'expiry in the symbol differs from the expiry column'
            when never_listed.symbol_expiry is not null
                then 'no such expiry was ever listed: ' || read_texts.symbol_expiry
            when expiries_of_months.contract_month is not null
                then case
                    when
                        read_texts.month_means = 'any expiry'
                        and read_texts.is_listed_index
                        and not expiries_of_months.is_only_expiry
                        then 'symbol names a month, not which of its expiries'
                    when expiries_of_months.expiry is null
                        then 'expiry of the month is unknown: ' || to_char(read_texts.contract_month, 'YYYY-MM')
                end
            when read_texts.instrument_type is null then 'continuous future without an expiry, not a contract'
        end as unknown_reason,
        case
            when read_texts.instrument_type not in ('option', 'future') then null
            when read_texts.symbol_expiry is not null then 'symbol'
            when read_texts.expiry_column is not null then 'file'
            else expiries_of_months.decided_by
        end as expiry_decided_by
    from read_texts
    left join never_listed
        on read_texts.exchange = never_listed.exchange
        and read_texts.underlying = never_listed.underlying
        and read_texts.symbol_expiry = never_listed.symbol_expiry
    left join expiries_of_months
        on read_texts.exchange = expiries_of_months.exchange
        and read_texts.underlying = expiries_of_months.underlying
        and read_texts.contract_month = expiries_of_months.contract_month
        and coalesce(read_texts.first_session, 'infinity') = expiries_of_months.first_session
        and read_texts.symbol_expiry is null
        and read_texts.expiry_column is null

),

parsed as (

    select * from judged
    union all
    select * from stated

)

select * from parsed
