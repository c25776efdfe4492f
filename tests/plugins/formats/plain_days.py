"""CSV files for the tests, divided as LEAN divides its folders: minute bars by day, daily bars by year."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import psycopg2.extensions
import pyarrow as pa

from exporters import marts
from exporters.exporter import Progress, Slice, Written
from exporters.publish import Publication, Store, read_manifest
from exporters.series import Series
from warehouse.errors import TickmartError

FOLDERS = {marts.MINUTE: "minute", marts.DAY: "day"}
COLUMNS = ("bar_end", *marts.PRICES, "volume")


class PlainDays:
    name = "plain-days"
    catalog_format = "plain-1"
    series = (Series.MINUTE_BARS, Series.DAY_BARS)

    def partition(self, series: Series, instrument: str, day: date) -> str:
        return f"{day:%Y}" if series == Series.DAY_BARS else f"{day:%Y%m%d}"

    def write(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        publication: Publication,
        progress: Progress,
    ) -> Written:
        written = Written()
        for piece in slices:
            loads = written.load_ids.setdefault(piece, set())
            for path, symbol, bars in self._files(connection, piece):
                if "load_id" in bars.column_names:
                    loads.update(set(bars["load_id"].to_pylist()) - {None})
                publication.put(
                    path,
                    partial(_encoded, bars),
                    rows=len(bars),
                    underlying=piece.underlying,
                    partition=piece.partition,
                    instrument=symbol,
                )
                written.rows += len(bars)
                progress("write", len(bars))
        publication.settle()
        return written

    def verify(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        store: Store,
        progress: Progress,
    ) -> int:
        manifest = read_manifest(store)
        assert manifest is not None
        rows = 0
        for piece in slices:
            held = {
                file.path
                for file in manifest.files.values()
                if (file.exporter, file.underlying, file.partition)
                == (self.name, piece.underlying, piece.partition)
            }
            for path, _, bars in self._files(connection, piece):
                for found, wanted in zip(read(store.read(path) or b""), _rows(bars), strict=True):
                    for name in COLUMNS:
                        if found[name] != wanted[name]:
                            raise TickmartError(
                                f"{path} at {wanted['bar_end']}: {name} is {found[name]}, not {wanted[name]}"
                            )
                held.discard(path)
                rows += len(bars)
                progress("verify", len(bars))
            if held:
                raise TickmartError(f"{min(held)} is there, and the marts have no rows for it")
        return rows

    def _files(
        self, connection: psycopg2.extensions.connection, piece: Slice
    ) -> Iterator[tuple[str, str, pa.Table]]:
        for mart in marts.bar_marts(connection, piece.underlying):
            if mart.series not in piece.series:
                continue
            contracts = marts.contracts(connection, piece.underlying, mart.kind)
            for table in marts.read(connection, mart, piece, with_greeks=False):
                bars = marts.priced(table)
                for contract_id, start, rows in marts.segments(bars):
                    name = contracts[contract_id].file_name
                    path = f"{FOLDERS[mart.length]}/{piece.partition}/{name}.csv"
                    yield path, name, bars.slice(start, rows)


def _rows(bars: pa.Table) -> Iterator[dict[str, str]]:
    for row in bars.to_pylist():
        moment = datetime.fromtimestamp(row["bar_end"] / 1e9, UTC)
        yield {name: str(row[name] if name != "bar_end" else moment.isoformat()) for name in COLUMNS}


def _encoded(bars: pa.Table) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(_rows(bars))
    return text.getvalue().encode()


def read(data: bytes) -> Iterator[dict[str, Any]]:
    return csv.DictReader(io.StringIO(data.decode()))


EXPORTER = PlainDays()
