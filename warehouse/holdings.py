"""What data the marts hold, counted from the models behind them."""

from typing import Any

import psycopg2.extensions
from psycopg2.extras import RealDictCursor

# Counted from the roll-ups, where a row stands for an hour or a day, because the marts hold years of minutes.
_WHAT_IS_THERE = """
with
rolled_up as (
    select contract_id, null as symbol, null as exchange, 'options_ticks' as mart, session_date, bars as rows
    from intermediate.int_options__bars_daily
    union all
    select contract_id, null, null, 'options_hourly', session_date, 1
    from intermediate.int_options__bars_hourly
    union all
    select contract_id, null, null, 'options_daily', session_date, 1
    from intermediate.int_options__bars_daily
    union all
    select contract_id, null, null, 'option_snapshots', session_date, snapshots
    from intermediate.int_options__snapshots_daily
    union all
    select contract_id, null, null, 'futures_ticks', session_date, bars
    from intermediate.int_futures__bars_daily
    union all
    select contract_id, null, null, 'futures_hourly', session_date, 1
    from intermediate.int_futures__bars_hourly
    union all
    select contract_id, null, null, 'futures_daily', session_date, 1
    from intermediate.int_futures__bars_daily
    union all
    select
        contract_id, null, null,
        case instrument_type when 'option' then 'options_daily' else 'futures_daily' end, session_date, 1
    from intermediate.int_fo_bhavcopy__deduped
    where is_preferred
    union all
    select null, underlying, exchange, 'spot_prices', session_date, bars
    from intermediate.int_spot__prices_daily
    union all
    select null, underlying, exchange, 'spot_hourly', session_date, 1
    from intermediate.int_spot__prices_hourly
    union all
    select null, underlying, exchange, 'spot_daily', session_date, 1
    from intermediate.int_spot__prices_daily
    union all
    select null, underlying, exchange, 'spot_daily', session_date, 1
    from intermediate.int_spot__official_daily as stated
    where close is not null and not exists (
        select from intermediate.int_spot__closes_deduped as whole
        where whole.exchange = stated.exchange and whole.underlying = stated.underlying
            and whole.session_date = stated.session_date and whole.is_preferred
    )
    union all
    select null, underlying, exchange, 'spot_daily', session_date, 1
    from intermediate.int_spot__closes_deduped
    where is_preferred
),

by_contract as (
    select
        contract_id, symbol, exchange, mart,
        min(session_date) as first_session, max(session_date) as last_session, sum(rows)::bigint as rows
    from rolled_up
    group by contract_id, symbol, exchange, mart
    union all
    -- shares are thousands: a line stands for all of an exchange
    select
        null, exchange, exchange, 'equity_daily', min(session_date), max(session_date), count(*)
    from intermediate.int_equities__official_deduped
    where is_preferred
    group by exchange, symbol, series
),

delivered as (
    select distinct slices.instrument_type, slices.exchange, slices.slice_group, shapes.shape, loads.source
    from intermediate.int_loads__slices as slices
    inner join audit.current_loads as loads on slices.load_id = loads.load_id
    inner join facts.shapes as shapes on loads.raw_table = shapes.raw_table
),

by_mart as (
    select
        marts.position,
        marts.mart,
        marts.instrument_type,
        marts.interval,
        marts.shapes,
        coalesce(contracts.underlying, by_contract.symbol) as underlying,
        coalesce(contracts.exchange, by_contract.exchange) as exchange,
        min(by_contract.first_session) as first_session,
        max(by_contract.last_session) as last_session,
        count(*) as contracts,
        sum(by_contract.rows)::bigint as rows
    from by_contract
    inner join (values
        (1, 'spot_prices', 'index', '1-MINUTE', array['bars']),
        (2, 'spot_hourly', 'index', '1-HOUR', array['bars']),
        (3, 'spot_daily', 'index', '1-DAY', array['bars', 'index_days', 'contract_days']),
        (4, 'futures_ticks', 'future', '1-MINUTE', array['bars']),
        (5, 'futures_hourly', 'future', '1-HOUR', array['bars']),
        (6, 'futures_daily', 'future', '1-DAY', array['bars', 'contract_days']),
        (7, 'options_ticks', 'option', '1-MINUTE', array['bars']),
        (8, 'options_hourly', 'option', '1-HOUR', array['bars']),
        (9, 'options_daily', 'option', '1-DAY', array['bars', 'contract_days']),
        (10, 'option_snapshots', 'option', 'SNAPSHOT', array['chain_snapshots']),
        (11, 'equity_daily', 'equity', '1-DAY', array['share_days'])
    ) as marts (position, mart, instrument_type, interval, shapes) on by_contract.mart = marts.mart
    left join intermediate.int_contracts__described as contracts
        on by_contract.contract_id = contracts.contract_id
    group by
        coalesce(contracts.underlying, by_contract.symbol),
        coalesce(contracts.exchange, by_contract.exchange),
        marts.position, marts.mart, marts.instrument_type, marts.interval, marts.shapes
)

select * from (
select
    position, underlying, exchange, instrument_type, interval, first_session, last_session, contracts, rows,
    (
        select string_agg(distinct delivered.source, ', ')
        from delivered
        where
            delivered.exchange = by_mart.exchange
            and delivered.shape = any(by_mart.shapes)
            -- a contract's day says what its underlying closed at
            and (delivered.instrument_type = by_mart.instrument_type or by_mart.mart = 'spot_daily')
            and (
                delivered.slice_group in (by_mart.underlying, '*') or by_mart.instrument_type = 'equity'
            )
    ) as source,
    mart
from by_mart
union all
-- bars that no other mart of an instrument has whole: of any length and source
select
    12, underlying, exchange, instrument_type, length, first_session, last_session, instruments, bars, source,
    'market_data'
from marts.bar_series
union all
select
    13, underlying, exchange, instrument_type, 'PRINT', min(session_date), max(session_date),
    count(distinct instrument_id), count(*), source, 'trades'
from intermediate.int_trades__deduped
group by underlying, exchange, instrument_type, source
union all
select
    14, underlying, exchange, instrument_type, 'PRINT', min(session_date), max(session_date),
    count(distinct instrument_id), count(*), source, 'quotes'
from intermediate.int_quotes__deduped
group by underlying, exchange, instrument_type, source
) as held
order by underlying, exchange, position, interval
"""


def holdings(connection: psycopg2.extensions.connection) -> list[dict[str, Any]]:
    """Return what is there, in the order of the underlyings, their exchanges and the marts.

    Returns
    -------
    list of dict
        One per underlying, exchange and mart: `underlying`, `exchange`, `instrument_type`, `interval`,
        `first_session`, `last_session`, `contracts`, `rows`, `source` (one, of marts in which every source
        stands beside the others; else all that delivered rows of this kind) and `mart`.
    """
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(_WHAT_IS_THERE)
        return [{name: row[name] for name in row if name != "position"} for row in cursor.fetchall()]
