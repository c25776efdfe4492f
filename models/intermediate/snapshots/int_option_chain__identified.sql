with

snapshots as (

    select * from {{ ref('int_chain_snapshots__delivered') }}

),

symbols as (

    select * from {{ ref('int_symbols__identified') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

identified as (

    select
        -- ids
        snapshots.vendor_symbol,
        symbols.contract_id,
        snapshots.exchange,
        snapshots.instrument_type,
        snapshots.underlying,
        snapshots.expiry,

        -- times
        snapshots.session_date,
        snapshots.timestamp,

        -- prices
        snapshots.bid,
        snapshots.ask,
        snapshots.last_price,
        snapshots.underlying_price,

        -- quantities, in units of the underlying
        snapshots.bid_size,
        snapshots.ask_size,
        snapshots.total_buy_quantity,
        snapshots.total_sell_quantity,

        -- quantities, in lots
        snapshots.lots_traded,
        snapshots.open_interest_lots,
        snapshots.change_in_open_interest_lots,

        -- volatility
        snapshots.vendor_implied_volatility,

        -- judgement
        coalesce(
            snapshots.quarantine_reason,
            case
                when symbols.vendor_symbol is null then 'symbol is missing'
                when symbols.unknown_reason is not null then symbols.unknown_reason
                when sessions.session_date is null then 'no session on this date'
                -- the exchange stamps its answers after the close with the close itself, so that moment belongs to the
                -- session
                when snapshots.timestamp < sessions.opens_at or snapshots.timestamp > sessions.closes_at
                    then 'outside the session'
                when snapshots.session_date > snapshots.expiry then 'after the expiry of the contract'
            end
        ) as quarantine_reason,

        -- provenance
        snapshots.load_id,
        snapshots.line

    from snapshots
    left join symbols
        on snapshots.dialect = symbols.dialect
        and snapshots.vendor_symbol = symbols.vendor_symbol
        -- a case, because another equality makes the planner expect a hundredth of the rows
        and case when snapshots.vendor_expiry = symbols.vendor_expiry then true else false end -- noqa: ST02
    left join sessions
        on snapshots.exchange = sessions.exchange and snapshots.session_date = sessions.session_date

)

select * from identified
