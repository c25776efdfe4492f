{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'shapes': ['contract_days'], 'keeps': 'everything'},
) }}

{#- A turnover is written in lakh with two decimals: that of one row may be this many rupees off. -#}
{%- set rounding = 1000 -%}

with

current_loads as (

    select * from {{ source('audit', 'current_loads') }}

),

lot_rules as (

    select * from {{ ref('lot_size_rules') }}

),

dumped as (

    select * from {{ ref('int_series__dumped') }}

),

-- The layout since July 2024 says the lot. Where contracts of a series differ, one was adjusted: what most say counts.
stated_lots as (

    select
        load_id,
        session_date,
        exchange,
        instrument_type,
        underlying,
        expiry,
        mode() within group (order by lot_size) as lot_size
    from {{ ref('int_contract_days__delivered') }}
    where
        load_id = any({{ loads_to_build() }})
        and quarantine_reason is null
        and expiry is not null
        and lot_size is not null
    group by load_id, session_date, exchange, instrument_type, underlying, expiry

),

-- The layout before that does not say the lot. Turnover is (strike + price) × units, and no trade's price lies outside
-- the day's low and high: divided by the lots traded, turnover bounds the lot from both sides.
silent_series as (

    select
        load_id,
        session_date,
        exchange,
        instrument_type,
        underlying,
        expiry,
        sum(turnover - {{ rounding }}) filter (where is_traded and turnover > 0)
        / sum(lots_traded * (coalesce(strike, 0) + high)) filter (where is_traded and turnover > 0) as least_lot,
        sum(turnover + {{ rounding }}) filter (where is_traded and turnover > 0)
        / sum(lots_traded * (coalesce(strike, 0) + low)) filter (where is_traded and turnover > 0) as largest_lot
    from {{ ref('int_contract_days__delivered') }}
    where
        load_id = any({{ loads_to_build() }})
        and quarantine_reason is null
        and expiry is not null
        and lot_size is null
    group by load_id, session_date, exchange, instrument_type, underlying, expiry

),

-- The options and the future of one expiry have one lot.
bounded_series as (

    select
        load_id,
        session_date,
        exchange,
        instrument_type,
        underlying,
        expiry,
        max(least_lot) over of_expiry as least_lot,
        min(largest_lot) over of_expiry as largest_lot
    from silent_series
    window of_expiry as (partition by load_id, session_date, exchange, underlying, expiry)

),

-- Lots that exist: those of rules, of lists of instruments and of files that say them.
known_lots as (

    select
        exchange,
        underlying,
        lot_size
    from lot_rules
    union
    select
        exchange,
        underlying,
        lot_size
    from dumped
    where lot_size is not null
    union
    select
        exchange,
        underlying,
        lot_size
    from stated_lots
    union
    select
        known.exchange,
        known.underlying,
        known.lot_size
    from {{ this }} as known
    inner join current_loads on known.load_id = current_loads.load_id
    where known.decided_by = 'bhavcopy'

),

-- Turnover decides where only one of the lots that exist lies within its bounds.
lots_of_turnover as (

    select
        bounded_series.load_id,
        bounded_series.session_date,
        bounded_series.exchange,
        bounded_series.instrument_type,
        bounded_series.underlying,
        bounded_series.expiry,
        min(known_lots.lot_size) as lot_size
    from bounded_series
    inner join known_lots
        on bounded_series.exchange = known_lots.exchange
        and bounded_series.underlying = known_lots.underlying
        and known_lots.lot_size between bounded_series.least_lot and bounded_series.largest_lot
    group by
        bounded_series.load_id,
        bounded_series.session_date,
        bounded_series.exchange,
        bounded_series.instrument_type,
        bounded_series.underlying,
        bounded_series.expiry
    having count(*) = 1

),

-- The newest list of the day.
lots_of_dumps as (

    select distinct on (exchange, underlying, instrument_type, expiry, session_date)
        exchange,
        underlying,
        instrument_type,
        expiry,
        session_date,
        lot_size
    from dumped
    where lot_size is not null
    order by exchange asc, underlying asc, instrument_type asc, expiry asc, session_date asc, load_id desc

),

-- What is said about the day goes before the rule in force, and turnover, an estimate, comes last.
decided_lots as (

    select
        bounded_series.*,
        coalesce(lots_of_dumps.lot_size, ruled_lot.lot_size, lots_of_turnover.lot_size) as lot_size,
        case
            when lots_of_dumps.lot_size is not null then 'instrument dump'
            when ruled_lot.lot_size is not null then 'rule'
            when lots_of_turnover.lot_size is not null then 'turnover'
        end as decided_by
    from bounded_series
    left join lots_of_dumps
        on bounded_series.exchange = lots_of_dumps.exchange
        and bounded_series.underlying = lots_of_dumps.underlying
        and bounded_series.instrument_type = lots_of_dumps.instrument_type
        and bounded_series.expiry = lots_of_dumps.expiry
        and bounded_series.session_date = lots_of_dumps.session_date
    left join lots_of_turnover
        on bounded_series.load_id = lots_of_turnover.load_id
        and bounded_series.session_date = lots_of_turnover.session_date
        and bounded_series.exchange = lots_of_turnover.exchange
        and bounded_series.instrument_type = lots_of_turnover.instrument_type
        and bounded_series.underlying = lots_of_turnover.underlying
        and bounded_series.expiry = lots_of_turnover.expiry
    {{ join_to_lot_rule('bounded_series', 'session_date') }}

),

lots as (

    select
        load_id,
        session_date,
        exchange,
        instrument_type,
        underlying,
        expiry,
        null::numeric as least_lot,
        null::numeric as largest_lot,
        lot_size::bigint as lot_size,
        'bhavcopy' as decided_by
    from stated_lots
    union all
    select
        load_id,
        session_date,
        exchange,
        instrument_type,
        underlying,
        expiry,
        round(least_lot, 4) as least_lot,
        round(largest_lot, 4) as largest_lot,
        lot_size::bigint as lot_size,
        decided_by
    from decided_lots

)

select * from lots
