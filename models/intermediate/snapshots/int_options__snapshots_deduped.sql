{#- The day's bhavcopy, which has the lot, comes after the day's snapshots: they are built again then. -#}
{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'shapes': ['chain_snapshots'], 'refers_to': ['contract_days'],
        'instrument_types': ['option'], 'slice_key': 'contract_id',
        'order_by': 'timestamp, session_date, source',
    },
) }}

with

delivered as (

    select * from {{ ref('int_option_chain__identified') }}
    where {{ rows_to_build() }} and quarantine_reason is null

),

{{ dedupe('chain_snapshots', ['contract_id', 'timestamp'], group='underlying') }},

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

-- The feed does not say when the last trade was. It was after the last snapshot at which less had been traded.
seen as (

    select
        winners.*,
        lag(winners.timestamp) over (
            partition by winners.source, winners.contract_id, winners.session_date, winners.lots_traded is null
            order by winners.timestamp
        ) as seen_before
    from winners

),

with_trades as (

    select
        seen.*,
        case
            when lots_traded > 0
                then first_value(seen_before) over (
                    partition by source, contract_id, session_date, lots_traded
                    order by timestamp
                )
        end as last_trade_after
    from seen

),

series as (

    select
        exchange,
        instrument_type,
        underlying,
        expiry,
        session_date
    from winners
    group by exchange, instrument_type, underlying, expiry, session_date

),

-- The lot of the session's own bhavcopy, as far as its contracts agree; without that file, the lot of the rule in
-- force.
lots_of_series as (

    select
        series.exchange,
        series.underlying,
        series.expiry,
        series.session_date,
        coalesce(
            case when listed.lot_size = listed.smallest_lot_size then listed.lot_size end, ruled_lot.lot_size
        )::integer as lot_size
    from series
    left join listed
        on series.exchange = listed.exchange
        and series.underlying = listed.underlying
        and series.expiry = listed.expiry
        and series.session_date = listed.session_date
    {{ joins_to_rules('series', 'session_date') }}

),

in_units as (

    select
        -- ids
        with_trades.contract_id,
        with_trades.expiry,

        -- times
        with_trades.session_date,
        with_trades.timestamp,

        -- prices
        with_trades.bid,
        with_trades.bid_size,
        with_trades.ask,
        with_trades.ask_size,
        with_trades.last_price,
        with_trades.last_trade_after,
        with_trades.underlying_price,

        -- quantities
        lots_of_series.lot_size,
        {{ units_of_lots('with_trades.lots_traded', 'lots_of_series.lot_size') }} as volume,
        {{ units_of_lots('with_trades.open_interest_lots', 'lots_of_series.lot_size') }} as open_interest,
        {{ units_of_lots('with_trades.change_in_open_interest_lots', 'lots_of_series.lot_size') }}
            as change_in_open_interest,
        with_trades.lots_traded,
        with_trades.open_interest_lots,
        with_trades.change_in_open_interest_lots,
        with_trades.total_buy_quantity,
        with_trades.total_sell_quantity,

        -- volatility
        with_trades.vendor_implied_volatility,

        -- provenance
        with_trades.source,
        with_trades.is_preferred,
        with_trades.load_id,
        with_trades.line

    from with_trades
    left join lots_of_series
        on with_trades.exchange = lots_of_series.exchange
        and with_trades.underlying = lots_of_series.underlying
        and with_trades.expiry = lots_of_series.expiry
        and with_trades.session_date = lots_of_series.session_date

)

select * from in_units
