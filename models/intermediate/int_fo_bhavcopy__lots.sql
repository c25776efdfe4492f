{{ config(
    materialized='by_load',
    meta={'built_from': 'ledger', 'sources': ['nse-bhavcopy'], 'keeps': 'everything'},
) }}

{#- How far a day's average price may lie from its close, as a part of strike and price (nse.md 2.1). -#}
{%- set tolerance = 0.015 -%}

with

traded_rows as (

    select
        load_id,
        session_date,
        instrument_type,
        underlying,
        expiry,
        lots_traded * (coalesce(strike, 0) + close) as value_of_one_unit_a_lot,
        turnover,
        open_interest
    from {{ ref('stg_nse__fo_bhavcopy_legacy') }}
    where
        load_id = any({{ loads_to_build() }})
        and quarantine_reason is null
        and is_traded
        and expiry is not null
        and turnover > 0

),

-- Turnover is (strike + price) × units, so per lot it tells the lot, as far as the close stands for the day's prices.
estimates as (

    select
        load_id,
        session_date,
        instrument_type,
        underlying,
        expiry,
        sum(turnover) / sum(value_of_one_unit_a_lot) as estimated_lot
    from traded_rows
    group by load_id, session_date, instrument_type, underlying, expiry

),

known_lots as (

    select
        underlying,
        lot_size
    from {{ ref('lot_size_rules') }}
    group by underlying, lot_size

),

nearest_known_lots as (

    select distinct on (
        estimates.load_id, estimates.session_date, estimates.instrument_type, estimates.underlying, estimates.expiry
    )
        estimates.*,
        known_lots.lot_size
    from estimates
    inner join known_lots
        on estimates.underlying = known_lots.underlying
        and abs(known_lots.lot_size - estimates.estimated_lot) <= {{ tolerance }} * estimates.estimated_lot
    order by
        estimates.load_id asc,
        estimates.session_date asc,
        estimates.instrument_type asc,
        estimates.underlying asc,
        estimates.expiry asc,
        abs(known_lots.lot_size - estimates.estimated_lot) asc,
        known_lots.lot_size asc

),

-- Open interest is a whole number of lots in nearly all rows: divided by that number it is the lot. Of a future's one
-- row it is too many lots to tell, but the options of that expiry have its lot.
lots_of_open_interest as (

    select
        estimates.load_id,
        estimates.session_date,
        estimates.instrument_type,
        estimates.underlying,
        estimates.expiry,
        mode() within group (order by parts.lot_size) as lot_size
    from estimates
    inner join traded_rows
        on estimates.load_id = traded_rows.load_id
        and estimates.session_date = traded_rows.session_date
        and estimates.underlying = traded_rows.underlying
        and estimates.expiry = traded_rows.expiry
    cross join
        lateral (
            select
                traded_rows.open_interest
                / nullif(round(traded_rows.open_interest / estimates.estimated_lot), 0) as lot_size
        ) as parts
    where
        -- more lots than that, and the estimate no longer tells how many
        traded_rows.open_interest between 0.5 * estimates.estimated_lot and 30 * estimates.estimated_lot
        and parts.lot_size = trunc(parts.lot_size)
        and abs(parts.lot_size - estimates.estimated_lot) <= {{ tolerance }} * estimates.estimated_lot
    group by
        estimates.load_id,
        estimates.session_date,
        estimates.instrument_type,
        estimates.underlying,
        estimates.expiry

),

lots as (

    select
        estimates.load_id,
        estimates.session_date,
        estimates.instrument_type,
        estimates.underlying,
        estimates.expiry,
        round(estimates.estimated_lot, 4) as estimated_lot,
        coalesce(nearest_known_lots.lot_size, lots_of_open_interest.lot_size)::bigint as lot_size
    from estimates
    left join nearest_known_lots
        on estimates.load_id = nearest_known_lots.load_id
        and estimates.session_date = nearest_known_lots.session_date
        and estimates.instrument_type = nearest_known_lots.instrument_type
        and estimates.underlying = nearest_known_lots.underlying
        and estimates.expiry = nearest_known_lots.expiry
    left join lots_of_open_interest
        on estimates.load_id = lots_of_open_interest.load_id
        and estimates.session_date = lots_of_open_interest.session_date
        and estimates.instrument_type = lots_of_open_interest.instrument_type
        and estimates.underlying = lots_of_open_interest.underlying
        and estimates.expiry = lots_of_open_interest.expiry

),

-- A load that counts again after its restatement was taken back has its lots already.
not_yet_known as (

    select lots.*
    from lots
    where not exists (
        select 1 from {{ this }} as known
        where
            known.load_id = lots.load_id
            and known.session_date = lots.session_date
            and known.instrument_type = lots.instrument_type
            and known.underlying = lots.underlying
            and known.expiry = lots.expiry
            and known.lot_size is not null
    )

)

select * from not_yet_known
