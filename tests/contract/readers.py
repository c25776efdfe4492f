"""How a test reads what an exporter wrote: through the framework, as rows it can compare with the mart."""

import csv
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import backtrader
import psycopg2.extensions

from exporters.formats.nautilus import open_catalog
from exporters.publish import copy_published, open_store

IST = timezone(timedelta(hours=5, minutes=30))
# symbol, bar end, open, high, low, close, volume
Row = tuple[str, datetime, Decimal, Decimal, Decimal, Decimal, int]


class Reader(Protocol):
    def minute_bars(self, destination: str) -> list[Row]: ...


def mart_minute_bars(connection: psycopg2.extensions.connection) -> list[Row]:
    """Return the minute bars of all marts, sorted."""
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select symbol, bar_end, open, high, low, close, volume from marts.options_ticks
            union all
            select symbol, bar_end, open, high, low, close, volume from marts.futures_ticks
            union all
            select symbol, bar_end, open, high, low, close, 0 from marts.spot_prices
            """
        )
        return sorted((row[0], row[1].astimezone(UTC), *row[2:]) for row in cursor.fetchall())


class NautilusReader:
    def minute_bars(self, destination: str) -> list[Row]:
        catalog = open_catalog(open_store(destination))
        bars = catalog.bars()
        return sorted(
            (
                bar.bar_type.instrument_id.symbol.value,
                datetime.fromtimestamp(bar.ts_event / 1e9, UTC),
                bar.open.as_decimal(),
                bar.high.as_decimal(),
                bar.low.as_decimal(),
                bar.close.as_decimal(),
                int(bar.volume.as_double()),
            )
            for bar in bars
            if "-1-MINUTE-" in str(bar.bar_type)
        )


class BacktraderReader:
    def minute_bars(self, destination: str) -> list[Row]:
        rows: list[Row] = []
        with tempfile.TemporaryDirectory() as scratch:
            manifest = copy_published(destination, scratch, lambda file: file.partition is not None)
            for file in manifest.files.values():
                if file.partition is not None and Path(file.path).stem == file.instrument:
                    rows += self._rows(Path(scratch) / file.path)
        return sorted(rows)

    @staticmethod
    def _rows(path: Path) -> list[Row]:
        feed = backtrader.feeds.GenericCSVData(
            dataname=str(path), dtformat="%Y-%m-%dT%H:%M:%S", timeframe=backtrader.TimeFrame.Minutes
        )
        cerebro = backtrader.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run()
        lines: Any = feed.lines
        return [
            (
                path.stem,
                backtrader.num2date(lines.datetime.array[row])
                .replace(microsecond=0, tzinfo=IST)
                .astimezone(UTC),
                *(
                    Decimal(f"{getattr(lines, name).array[row]:.2f}")
                    for name in ("open", "high", "low", "close")
                ),
                0 if lines.volume.array[row] != lines.volume.array[row] else int(lines.volume.array[row]),
            )  # type: ignore[misc]
            for row in range(len(lines.close.array))
        ]


class PlainReader:
    def minute_bars(self, destination: str) -> list[Row]:
        rows: list[Row] = []
        with tempfile.TemporaryDirectory() as scratch:
            manifest = copy_published(destination, scratch, lambda file: file.path.startswith("minute/"))
            for file in manifest.files.values():
                if file.path.startswith("minute/"):
                    with (Path(scratch) / file.path).open() as lines:
                        rows += [self._row(file.instrument or "", row) for row in csv.DictReader(lines)]
        return sorted(rows)

    @staticmethod
    def _row(symbol: str, row: dict[str, str]) -> Row:
        prices = (Decimal(row[name]) for name in ("open", "high", "low", "close"))
        volume = int(Decimal(row["volume"])) if row["volume"] != "None" else 0
        return (symbol, datetime.fromisoformat(row["bar_end"]), *prices, volume)  # type: ignore[return-value]


READERS: dict[str, Reader] = {
    "nautilus": NautilusReader(),
    "backtrader": BacktraderReader(),
    "plain-days": PlainReader(),
    "plain-symbols": PlainReader(),
}
