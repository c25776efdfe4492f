{#- The day's bhavcopy, which has the lot, comes after the day's snapshots: they are built again then. -#}
{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-option-chain'], 'refers_to': ['nse-bhavcopy'],
        'instrument_types': ['option'], 'slice_key': 'contract_id', 'time_column': 'timestamp', 'compress_after': '60 days',
    },
) }}

with

snapshots as (

    select * from {{ ref('int_option_chain__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null

),

slices as (

    select * from {{ slices_to_build() }} as planned

),

loads as (

    select
        loads.load_id,
        ranks.rank as source_rank
    from {{ source('audit', 'loads') }} as loads
    left join {{ ref('source_ranks') }} as ranks
        on loads.source = ranks.source and loads.dataset = ranks.dataset

),

listed as (

    select * from {{ ref('int_series__listed') }}
    where instrument_type = 'option'

),

lot_rules as (

    select * from {{ ref('lot_size_rules') }}

),

tick_rules as (

    select * from {{ ref('tick_size_rules') }}

),

ranked as (

    select
        snapshots.*,
        row_number() over (
            partition by snapshots.contract_id, snapshots.timestamp
            order by loads.source_rank asc nulls last, snapshots.load_id desc, snapshots.line desc
        ) as precedence
    from snapshots
    inner join slices
        on snapshots.instrument_type = slices.instrument_type
        and snapshots.underlying = slices.underlying
        and snapshots.session_date = slices.session_date
    inner join loads on snapshots.load_id = loads.load_id

),

winners as (

    select * from ranked
    where precedence = 1

),

series as (

    select
        instrument_type,
        underlying,
        expiry,
        session_date
    from winners
    group by instrument_type, underlying, expiry, session_date

),

-- The lot of the session's own bhavcopy, as far as its contracts agree; without that file the rule in force.
lots_of_series as (

    select
        series.underlying,
        series.expiry,
        series.session_date,
        coalesce(
            case when listed.lot_size = listed.smallest_lot_size then listed.lot_size end, ruled_lot.lot_size
        )::integer as lot_size
    from series
    left join listed
        on series.underlying = listed.underlying
        and series.expiry = listed.expiry
        and series.session_date = listed.session_date
    {{ joins_to_rules('series', 'session_date') }}

),

in_units as (

    select
        -- ids
        winners.contract_id,
        winners.expiry,

        -- times
        winners.session_date,
        winners.timestamp,

        -- prices
        winners.bid,
        winners.bid_size,
        winners.ask,
        winners.ask_size,
        winners.last_price,
        winners.underlying_price,

        -- quantities
        lots_of_series.lot_size,
        {{ units_of_lots('winners.lots_traded', 'lots_of_series.lot_size') }} as volume,
        {{ units_of_lots('winners.open_interest_lots', 'lots_of_series.lot_size') }} as open_interest,
        {{ units_of_lots('winners.change_in_open_interest_lots', 'lots_of_series.lot_size') }}
            as change_in_open_interest,
        winners.lots_traded,
        winners.open_interest_lots,
        winners.change_in_open_interest_lots,
        winners.total_buy_quantity,
        winners.total_sell_quantity,

        -- volatility
        winners.vendor_implied_volatility,

        -- provenance
        winners.load_id,
        winners.line

    from winners
    left join lots_of_series
        on winners.underlying = lots_of_series.underlying
        and winners.expiry = lots_of_series.expiry
        and winners.session_date = lots_of_series.session_date

)

select * from in_units
