r"""`tickmart load csv` of a file whose layout nobody has described, beside `psql \copy` of the same file.

The file is looked through before it lands: every form is held against all its rows.
"""

import sys
import tempfile
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.databases import fresh_database
from benchmarks.measuring import (
    MEGABYTE,
    Line,
    Scale,
    from_empty,
    memory_of_imports,
    rate,
    ratio_of,
    run_measured,
)
from benchmarks.psql import psql
from loaders.landing import land
from sampledata.market import random_stream
from warehouse import database
from warehouse.exchange_sessions import Session, regular_hours
from warehouse.exchanges import known_exchanges

SMALLEST = Scale(rows=1_000, repeats=1)
DEFAULT_ROWS = 1_000_000
DEFAULT_REPEATS = 7
EXCHANGE = "NASDAQ"
SYMBOLS = tuple(f"SHARE{number:02}" for number in range(20))
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2025, 12, 31)
_COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
_MINUTE = 60
# the hours of sessions come from exchange_calendars, which imports pandas
_IMPORTS = ("tickmart.main", "tickmart.load", "pyarrow.csv", "exchange_calendars")


def run(scale: Scale) -> list[Line]:
    """Measure both ways in turns, then the memory of the command."""
    rows = scale.rows or DEFAULT_ROWS
    with (
        tempfile.TemporaryDirectory(prefix="tickmart-bench-") as folder,
        fresh_database(scale.template) as url,
    ):
        file = Path(folder) / "bars.csv"
        write_bars(file, rows)
        size = file.stat().st_size
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create unlogged table public.plain ({', '.join(f'{c} text' for c in _COLUMNS)})")

        def by_tickmart() -> None:
            report = land("csv", [file], force=True, options={"exchange": EXCHANGE})
            report.raise_if_failed()
            assert report.rows == rows

        def by_psql() -> None:
            psql(url, rf"\copy public.plain from '{file}' with (format csv, header)")

        def forget() -> None:
            # Both land in an empty table each time.
            with database.connect() as connection, connection.cursor() as cursor:
                cursor.execute("truncate public.plain, raw.any_bars")

        seconds = from_empty(scale.repeats or DEFAULT_REPEATS, forget, ours=by_tickmart, theirs=by_psql)
        forget()
        command = (sys.executable, "-m", "tickmart", "load", "csv", "--force", "--exchange", EXCHANGE)
        peak = run_measured([*command, str(file)]).peaks.get("command", 0)
    before = memory_of_imports(_IMPORTS)
    return [
        Line(
            "anybody's CSV",
            f"bars of {len(SYMBOLS)} shares, {rows:,} rows, {size / MEGABYTE:,.0f} MB",
            rate(rows, seconds["ours"]),
            rf"`psql \copy`: {rate(rows, seconds['theirs'])}",
            ratio_of(seconds["ours"], seconds["theirs"]),
        ),
        Line(
            "anybody's CSV memory",
            "load: command",
            f"{max(peak - before, 0) / MEGABYTE:.0f} MB above imports",
            f"imports: {before / MEGABYTE:.0f} MB",
            wanted="< 400 MB",
        ),
    ]


def write_bars(file: Path, rows: int) -> None:
    """Write one-minute bars of some shares as one CSV file: session by session, share by share.

    Minutes are stamped with their start by the exchange's clock, without a zone. The same number of rows is
    the same bytes on every machine.

    Parameters
    ----------
    file : Path
    rows : int
        After so many the file ends, if the calendar has so many minutes.
    """
    left = rows
    with file.open("wb") as sink:
        sink.write(f"{','.join(_COLUMNS)}\n".encode())
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
        for session in regular_hours(EXCHANGE, FIRST_DAY, LAST_DAY):
            bars = _bars(session)[:left]
            pyarrow.csv.write_csv(bars, sink, options)
            left -= bars.num_rows
            if not left:
                return


def _bars(session: Session) -> pa.Table:
    day, opens, closes = session
    zone = ZoneInfo(known_exchanges()[EXCHANGE].time_zone)
    minutes = int((closes - opens).total_seconds()) // _MINUTE
    first = np.datetime64(opens.astimezone(zone).replace(tzinfo=None), "s")
    stamps = pa.array(np.char.replace(np.datetime_as_string(first + np.arange(minutes) * _MINUTE), "T", " "))
    random = random_stream(1, EXCHANGE, day.isoformat())
    shape = (len(SYMBOLS), minutes)
    close = 20_000 + np.cumsum(random.integers(-20, 21, shape), axis=1)  # in hundredths
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    high = np.maximum(opened, close) + random.integers(0, 15, shape)
    low = np.minimum(opened, close) - random.integers(0, 15, shape)
    prices = [pa.array(price.ravel() / 100) for price in (opened, high, low, close)]
    return pa.table(
        [
            pa.array(np.repeat(SYMBOLS, minutes)),
            pa.chunked_array([stamps] * len(SYMBOLS)),
            *prices,
            pa.array(random.integers(1, 50_000, shape).ravel()),
        ],
        names=_COLUMNS,
    )
