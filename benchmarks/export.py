"""The Nautilus export of 500 contracts, beside Bar objects and `write_data`, each with its database read.

Both write the same: minute, hour and day bars of options, futures and the index, the options' Greeks, and
every definition. Neither reads back.
"""

import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg2.extensions

from benchmarks.databases import fresh_database
from benchmarks.measuring import Line, Scale, in_turns, rate, ratio_of
from benchmarks.stages import dbt_target, load_and_build
from exporters import marts
from exporters.exporting import export
from exporters.formats.nautilus import FOLDERS, LEAST_DECIMALS, instrument
from exporters.marts import Kind
from sampledata.generate import write_sample
from warehouse import database

SMALLEST = Scale(rows=1_000, repeats=1)
DEFAULT_REPEATS = 3
UNDERLYING = "NIFTY"
# 63 strikes, calls and puts, four expiries: 504 contracts
STRIKES, EXPIRIES = 63, 4


def run(scale: Scale) -> list[Line]:
    """Measure both ways in turns. With `rows`, sessions are added until there are so many bars."""
    is_small = scale.rows is not None and scale.rows <= 10_000
    strikes, expiries = (3, 1) if is_small else (STRIKES, EXPIRIES)
    with tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name, fresh_database(scale.template):
        folder = Path(name)
        files = write_sample(
            folder, rows=scale.rows or 1, strikes=strikes, expiries=expiries, with_bhavcopy=False
        )
        with dbt_target(folder / "target"):
            load_and_build([("nse-minute", file.path) for file in files])
        rows: dict[str, int] = {}
        turns = iter(range(1_000_000))

        def by_tickmart() -> None:
            report = export("nautilus", [], None, None, str(folder / f"ours-{next(turns)}"), verify=False)
            rows["ours"] = report.rows

        def by_objects() -> None:
            rows["theirs"] = write_objects(folder / f"theirs-{next(turns)}")

        seconds = in_turns(scale.repeats or DEFAULT_REPEATS, ours=by_tickmart, theirs=by_objects)
    assert rows["ours"] == rows["theirs"], rows
    contracts = 2 * strikes * expiries
    return [
        Line(
            "export",
            f"Nautilus catalog of {contracts} option contracts, {rows['ours']:,} bars and Greeks",
            rate(rows["ours"], seconds["ours"]),
            f"Bar objects, `write_data`: {rate(rows['theirs'], seconds['theirs'])}",
            ratio_of(seconds["ours"], seconds["theirs"]),
            "≥ 10 ×",
        )
    ]


def write_objects(folder: Path) -> int:
    """Write the catalog through NautilusTrader's public API; return the rows of bars and Greeks."""
    from nautilus_trader.persistence.catalog import ParquetDataCatalog

    folder.mkdir()
    catalog = ParquetDataCatalog(str(folder))
    rows = 0
    with database.connect() as connection:
        for kind in FOLDERS:
            contracts = marts.contracts(connection, UNDERLYING, kind).values()
            catalog.write_data([instrument(contract, LEAST_DECIMALS) for contract in contracts])
        for mart in marts.bar_marts(connection, UNDERLYING):
            rows += _write_bars(connection, catalog, mart.kind, mart.length, mart.name)
        rows += _write_greeks(connection, catalog)
    return rows


def _write_bars(
    connection: psycopg2.extensions.connection, catalog: Any, kind: Kind, length: str, mart: str
) -> int:
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.objects import Price, Quantity

    volume = "0" if kind == "index" else "volume"
    condition = " where is_preferred" if mart.endswith("_daily") else ""
    if condition and kind != "index":
        condition += " and is_traded"
    columns = f"symbol, open, high, low, close, {volume}, bar_end"
    query = f"select {columns} from {mart}{condition} order by symbol, bar_end"
    rows = 0
    for symbol, found in groupby(_rows(connection, query), itemgetter(0)):
        bar_type = BarType.from_str(f"{symbol}.NSE-{length}-LAST-EXTERNAL")
        bars = []
        for _, *prices, size, bar_end in found:
            stamp = int(bar_end.timestamp()) * 1_000_000_000
            quoted = [Price.from_str(f"{price:.2f}") for price in prices]
            bars.append(Bar(bar_type, *quoted, Quantity.from_int(size), stamp, stamp))
        catalog.write_data(bars)
        rows += len(bars)
    return rows


def _write_greeks(connection: psycopg2.extensions.connection, catalog: Any) -> int:
    from nautilus_trader.model.data import OptionGreeks
    from nautilus_trader.model.identifiers import InstrumentId

    query = (
        "select symbol, delta, gamma, vega, theta, rho, implied_volatility, underlying_price, open_interest,"
        " bar_end from marts.options_ticks order by symbol, bar_end"
    )
    rows = 0
    for symbol, found in groupby(_rows(connection, query), itemgetter(0)):
        name = InstrumentId.from_str(f"{symbol}.NSE")
        greeks = []
        for _, *numbers, volatility, underlying, interest, bar_end in found:
            stamp = int(bar_end.timestamp()) * 1_000_000_000
            filled = [float("nan") if number is None else number for number in numbers]
            spot = None if underlying is None else float(underlying)
            greeks.append(OptionGreeks(name, *filled, volatility, None, None, spot, interest, stamp, stamp))
        catalog.write_data(greeks)
        rows += len(greeks)
    return rows


def _rows(connection: psycopg2.extensions.connection, query: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor("rows") as cursor:
        cursor.itersize = 20_000
        cursor.execute(query)
        yield from cursor
