"""Minute bars as GlobalDataFeeds writes them: a CSV per day and kind, stamped at the minute's last second."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sampledata.market import Chain, IndexDay, Integers

HEADER = ("Ticker", "Date", "Time", "Open", "High", "Low", "Close", "Volume", "Open Interest")
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in HEADER[:3]]
    + [(name, pa.float64()) for name in HEADER[3:7]]
    + [(name, pa.int64()) for name in HEADER[7:]]
)


class MinuteFile:
    """A CSV file of minute bars, written piece by piece and in place only when complete.

    Parameters
    ----------
    path : Path
        Replaced if it exists.

    Attributes
    ----------
    rows : int
        Rows written so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._unfinished = path.with_name(path.name + ".part")

    def __enter__(self) -> Self:
        self._file = self._unfinished.open("wb")
        self._file.write((",".join(HEADER) + "\n").encode())
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
        self._writer = pyarrow.csv.CSVWriter(self._file, _SCHEMA, write_options=options)
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Append bars."""
        self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._writer.close()
            self._file.close()
            if error is None:
                self._unfinished.replace(self.path)
        finally:
            self._file.close()
            self._unfinished.unlink(missing_ok=True)


def file_name(kind: str, day: IndexDay) -> str:
    """Return the vendor's file name; `kind` is `OPT`, `FUT` or `IDX`."""
    if kind == "IDX":
        return f"GFDLIDX_{day.underlying.index_ticker.replace(' ', '')}_{day.session:%d%m%Y}.csv"
    return f"GFDLNFO_{day.underlying.name}_{kind}_{day.session:%d%m%Y}.csv"


def index_bars(day: IndexDay) -> pa.RecordBatch:
    """Return the bars of the index, whose volume and open interest are 0."""
    minutes = np.arange(day.index_minutes)
    nothing = np.zeros(day.index_minutes, np.int64)
    return _bars(
        day,
        pa.array([f"{day.underlying.index_ticker}.NSE_IDX"]),
        np.zeros(day.index_minutes, np.int64),
        minutes,
        {price: values[: day.index_minutes] for price, values in day.paise.items()},
        nothing,
        nothing,
    )


def contract_bars(day: IndexDay, chain: Chain) -> Iterator[pa.RecordBatch]:
    """Yield the bars of the traded minutes, contract after contract."""
    # A few hundred contracts of 375 minutes at a time keep the text of a wide chain small in memory.
    for first in range(0, len(chain.names), 256):
        part = slice(first, first + 256)
        row, minute = np.nonzero(chain.traded[part])
        if len(row) == 0:
            continue
        yield _bars(
            day,
            pa.array([f"{name}.NFO" for name in chain.vendor_names[part]]),
            row,
            minute,
            {price: cells[part][row, minute] for price, cells in chain.paise.items()},
            chain.lots[part][row, minute] * chain.lot,
            chain.open_interest[part][row, minute],
        )


def _bars(
    day: IndexDay,
    tickers: pa.Array,
    row: Integers,
    minute: Integers,
    paise: dict[str, Integers],
    volume: Integers,
    open_interest: Integers,
) -> pa.RecordBatch:
    columns: list[pa.Array] = [
        tickers.take(pa.array(row)),
        pa.array([f"{day.session:%d/%m/%Y}"]).take(pa.array(np.zeros(len(row), np.int8))),
        pa.array(day.bar_ends).take(pa.array(minute)),
    ]
    # A division by 100 gives the float nearest to the decimal, whose shortest text is that decimal.
    columns += [pa.array(paise[price] / 100.0) for price in ("open", "high", "low", "close")]
    columns += [pa.array(volume), pa.array(open_interest)]
    return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)
