with

snapshots as (

    select * from {{ ref('int_options__snapshots_deduped') }}

),

contracts as (

    select * from {{ ref('int_contracts__described') }}

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

option_snapshots as (

    select
        -- ids
        snapshots.contract_id,
        contracts.symbol,
        contracts.underlying,
        snapshots.expiry,
        contracts.strike,
        contracts.option_type,

        -- times
        snapshots.timestamp,
        snapshots.session_date,

        -- quotes and the last trade
        snapshots.bid,
        snapshots.bid_size,
        snapshots.ask,
        snapshots.ask_size,
        snapshots.last_price,

        -- quantities
        snapshots.volume,
        snapshots.open_interest,
        snapshots.change_in_open_interest,
        snapshots.total_buy_quantity,
        snapshots.total_sell_quantity,
        snapshots.lot_size,

        -- the underlying, and the exchange's volatility
        snapshots.underlying_price,
        snapshots.vendor_implied_volatility,

        -- provenance
        loads.source,
        snapshots.load_id,
        snapshots.line - loads.first_line + loads.header_lines + 1 as line

    from snapshots
    inner join contracts on snapshots.contract_id = contracts.contract_id
    left join loads on snapshots.load_id = loads.load_id

)

select * from option_snapshots
