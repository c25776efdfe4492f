"""Marts as plain tables, with rows whose values the tests of exporters know."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg2.extensions
from psycopg2.extras import execute_values

IST = timezone(timedelta(hours=5, minutes=30))
MARCH, APRIL = date(2025, 3, 28), date(2025, 4, 1)
EXPIRY = date(2025, 4, 3)

_BAR = """
    bar_start timestamptz, bar_end timestamptz, session_date date,
    open numeric, high numeric, low numeric, close numeric"""
_SIZES = "volume numeric, open_interest numeric"
_GREEKS = """
    underlying_price numeric, years_to_expiry float8,
    implied_volatility float8, vendor_implied_volatility float8,
    delta float8, gamma float8, theta float8, vega float8, rho float8, greeks_status text"""
_CONTRACT = "contract_id bigint, symbol text, exchange text default 'NSE', underlying text, expiry date"
_OPTION = f"{_CONTRACT}, strike numeric, option_type text"
_INDEX = "symbol text, exchange text default 'NSE'"
_DAILY = """
    source text, is_preferred boolean, is_traded boolean, last_price numeric, settlement_price numeric,
    lot_size int, trades bigint, turnover numeric"""
_ORIGIN = "source text, load_id bigint, line bigint"
_METADATA = """
    lot_size int, tick_size numeric, exchange_symbol text, first_session date, last_session date,
    expires_at timestamptz"""
TABLES = {
    "options_ticks": f"{_OPTION}, {_BAR}, {_SIZES}, {_GREEKS}, {_ORIGIN}",
    "options_hourly": f"{_OPTION}, {_BAR}, {_SIZES}, {_GREEKS}",
    "options_daily": f"{_OPTION}, {_BAR}, {_SIZES}, {_DAILY}, {_GREEKS}",
    "options_metadata": f"{_OPTION}, {_METADATA}",
    "futures_ticks": f"{_CONTRACT}, {_BAR}, {_SIZES}, {_ORIGIN}",
    "futures_hourly": f"{_CONTRACT}, {_BAR}, {_SIZES}",
    "futures_daily": f"{_CONTRACT}, {_BAR}, {_SIZES}, {_DAILY}",
    "futures_metadata": f"{_CONTRACT}, {_METADATA}",
    "spot_prices": f"{_INDEX}, {_BAR}, {_ORIGIN}",
    "spot_hourly": f"{_INDEX}, {_BAR}",
    "spot_daily": f"{_INDEX}, {_BAR}, source text, is_preferred boolean",
    "market_data": (
        f"contract_id bigint, underlying text, {_INDEX}, instrument_type text, {_BAR}, {_SIZES},"
        f" bar_interval interval, adjusted_for text, is_preferred boolean, {_ORIGIN}"
    ),
    "bar_series": (
        "underlying text, exchange text, instrument_type text, bar_interval interval, length text,"
        " adjusted_for text, preferred_bars bigint, first_date date, last_date date"
    ),
    "equity_daily": (
        f"{_INDEX}, series text, {_BAR}, volume numeric, source text, is_preferred boolean, is_traded boolean"
    ),
}
_COVERAGE = """
    create view marts.data_coverage as
    select underlying, exchange, 'option' as instrument_type, session_date, count(*) as contracts
    from marts.options_daily group by underlying, exchange, session_date
    union all
    select underlying, exchange, 'future', session_date, count(*) from marts.futures_daily
    group by underlying, exchange, session_date
    union all
    select symbol, exchange, 'index', session_date, 1 from marts.spot_daily
"""
_INSTRUMENTS = """
    create view marts.instruments as
    select symbol, 'index' as instrument_type, exchange, null as base_currency, 'INR' as currency
    from marts.spot_prices
    union all
    select symbol, 'index', exchange, null, 'INR' from marts.spot_daily
    union all
    select symbol, 'equity', exchange, null, 'INR' from marts.equity_daily
"""
CALL, PUT, FUTURE = 1, 2, 11
SYMBOLS = {CALL: "NIFTY_250403_22500_CE", PUT: "NIFTY_250403_22500_PE", FUTURE: "NIFTY_250424_FUT"}


def create(connection: psycopg2.extensions.connection) -> None:
    """Make the marts, empty."""
    with connection.cursor() as cursor:
        cursor.execute("create schema if not exists marts")
        for name, columns in TABLES.items():
            cursor.execute(f"create table marts.{name} ({columns})")
        cursor.execute(_COVERAGE)
        cursor.execute(_INSTRUMENTS)
        cursor.execute("create schema if not exists intermediate")
        cursor.execute(
            "create table intermediate.int_loads__slices"
            " (load_id bigint, instrument_type text, exchange text, slice_group text, session_date date)"
        )
    connection.commit()


def note_a_build(cursor: psycopg2.extensions.cursor) -> None:
    """Leave in the ledger what every change of a mart leaves there: a model that has built a load."""
    cursor.execute(
        "insert into audit.built_loads (model, load_id)"
        " select 'bars of the tests', count(*) from audit.built_loads"
    )


def change(connection: psycopg2.extensions.connection, statement: str) -> None:
    """Change marts by hand, and leave in the ledger what a build leaves there."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        note_a_build(cursor)
    connection.commit()


def insert(connection: psycopg2.extensions.connection, table: str, rows: list[dict[str, Any]]) -> None:
    """Add rows to a mart; all rows have the same columns."""
    names = list(rows[0])
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            f"insert into marts.{table} ({', '.join(names)}) values %s",
            [tuple(row[name] for name in names) for row in rows],
        )
        note_a_build(cursor)
    connection.commit()


def moment(day: date, clock: str) -> datetime:
    """Return an Indian wall-clock time as UTC."""
    return datetime.combine(day, time.fromisoformat(clock), IST).astimezone(UTC)


def minutes(contract_id: int, day: date, bars: int, price: str, load_id: int = 7) -> list[dict[str, Any]]:
    """Return consecutive minute bars from 09:15 on: closes rise by 0.05, volume and interest by a lot."""
    rows = []
    for index in range(bars):
        start = moment(day, "09:15") + timedelta(minutes=index)
        close = Decimal(price) + Decimal("0.05") * index
        rows.append(
            {
                "contract_id": contract_id,
                "symbol": SYMBOLS[contract_id],
                "underlying": "NIFTY",
                "expiry": EXPIRY if contract_id != FUTURE else date(2025, 4, 24),
                "bar_start": start,
                "bar_end": start + timedelta(minutes=1),
                "session_date": day,
                "open": close - Decimal("0.10"),
                "high": close + Decimal("1.25"),
                "low": close - Decimal("0.50"),
                "close": close,
                "volume": 75 * index,
                "open_interest": 75_000 + 75 * index,
                "source": "nse-minute",
                "load_id": load_id,
                "line": index + 2,
            }
        )
    return rows


def with_greeks(rows: list[dict[str, Any]], option_type: str) -> list[dict[str, Any]]:
    """Add Greeks to minute bars; the last row has none, as a price at intrinsic value has none."""
    last = len(rows) - 1
    return [
        row
        | {
            "strike": Decimal(22500),
            "option_type": option_type,
            "underlying_price": Decimal("22510.35"),
            "implied_volatility": 0.1234 + index / 1000 if index < last else None,
            "delta": 0.5 + index / 100 if index < last else None,
            "gamma": 0.001 if index < last else None,
            "theta": -12.5 if index < last else None,
            "vega": 9.25 if index < last else None,
            "rho": 1.75 if index < last else None,
            "greeks_status": "ok" if index < last else "at_intrinsic",
        }
        for index, row in enumerate(rows)
    ]


def spot(day: date, bars: int) -> list[dict[str, Any]]:
    """Return minute bars of the index; it has no volume."""
    return [
        {
            name: row[name]
            for name in row
            if name
            in (
                "bar_start",
                "bar_end",
                "session_date",
                "open",
                "high",
                "low",
                "close",
                "source",
                "load_id",
                "line",
            )
        }
        | {"symbol": "NIFTY"}
        for row in minutes(CALL, day, bars, "22510.35", load_id=9)
    ]


def day_row(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the daily row that belongs to a contract's minute bar."""
    day = row["session_date"]
    kept = {name: value for name, value in row.items() if name not in ("load_id", "line")}
    return (
        kept
        | {
            "bar_start": moment(day, "09:15"),
            "bar_end": moment(day, "15:30"),
            "source": "official",
            "is_preferred": True,
            "is_traded": True,
        }
        | changes
    )


def fill(connection: psycopg2.extensions.connection) -> None:
    """Fill the marts with two sessions, in two months, of a call, a put, a future and the index."""
    for day in (MARCH, APRIL):
        call = with_greeks(minutes(CALL, day, 5, "100.05"), "CE")
        put = with_greeks(minutes(PUT, day, 3, "80.00", load_id=8), "PE")
        future = minutes(FUTURE, day, 4, "22600.00")
        insert(connection, "options_ticks", call + put)
        insert(connection, "futures_ticks", future)
        insert(connection, "spot_prices", spot(day, 5))
        hour = {"bar_start": moment(day, "09:15"), "bar_end": moment(day, "10:15")}
        origin = ("source", "load_id", "line")
        insert(
            connection,
            "options_hourly",
            [
                {name: value for name, value in (row | hour).items() if name not in origin}
                for row in (call[-1], put[-1])
            ],
        )
        insert(
            connection,
            "futures_hourly",
            [{name: value for name, value in (future[-1] | hour).items() if name not in origin}],
        )
        insert(
            connection,
            "spot_hourly",
            [{name: value for name, value in (spot(day, 1)[0] | hour).items() if name not in origin}],
        )
        insert(connection, "options_daily", [day_row(call[0]), day_row(put[0])])
        insert(
            connection,
            "options_daily",
            [
                day_row(call[0], source="minute bars", is_preferred=False, close=Decimal("1.00")),
            ],
        )
        insert(connection, "futures_daily", [day_row(future[0])])
        insert(
            connection,
            "spot_daily",
            [
                {
                    name: value
                    for name, value in day_row(spot(day, 1)[0]).items()
                    if name not in ("is_traded", "volume")
                }
            ],
        )
    metadata = {
        "lot_size": 75,
        "tick_size": Decimal("0.05"),
        "first_session": MARCH,
        "last_session": APRIL,
        "exchange": "NSE",
        "underlying": "NIFTY",
    }
    insert(
        connection,
        "options_metadata",
        [
            metadata
            | {
                "contract_id": contract_id,
                "symbol": SYMBOLS[contract_id],
                "expiry": EXPIRY,
                "strike": Decimal("22500"),
                "option_type": kind,
                "exchange_symbol": f"NIFTY25APR22500{kind}",
                "expires_at": moment(EXPIRY, "15:30"),
            }
            for contract_id, kind in ((CALL, "CE"), (PUT, "PE"))
        ],
    )
    insert(
        connection,
        "futures_metadata",
        [
            metadata
            | {
                "contract_id": FUTURE,
                "symbol": SYMBOLS[FUTURE],
                "expiry": date(2025, 4, 24),
                "exchange_symbol": None,
                "expires_at": moment(date(2025, 4, 24), "15:30"),
                "lot_size": None,
            },
        ],
    )
