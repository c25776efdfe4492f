r"""Landing a clean CSV file, beside `psql \copy` of the same file into an unlogged table of text columns."""

import tempfile
from pathlib import Path

from benchmarks.databases import fresh_database
from benchmarks.measuring import Line, Scale, from_empty, rate, ratio_of
from benchmarks.psql import psql
from loaders.landing import land
from sampledata.generate import write_sample
from sampledata.gfdl import HEADER
from warehouse import database

SMALLEST = Scale(rows=1_000, repeats=1)
DEFAULT_ROWS = 1_000_000
DEFAULT_REPEATS = 7


def run(scale: Scale) -> list[Line]:
    """Measure both ways in turns."""
    with (
        tempfile.TemporaryDirectory(prefix="tickmart-bench-") as folder,
        fresh_database(scale.template) as url,
    ):
        file, rows = _one_file(Path(folder), scale.rows or DEFAULT_ROWS)
        columns = ", ".join(f'"{name.lower()}" text' for name in HEADER)
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create unlogged table public.plain ({columns})")

        def by_tickmart() -> None:
            report = land("nse-minute", [file], force=True)
            report.raise_if_failed()
            assert report.rows == rows

        def by_psql() -> None:
            psql(url, rf"\copy public.plain from '{file}' with (format csv, header)")

        def forget() -> None:
            # Both land in an empty table each time.
            with database.connect() as connection, connection.cursor() as cursor:
                cursor.execute("truncate public.plain, raw.gfdl_minute_bars")

        seconds = from_empty(scale.repeats or DEFAULT_REPEATS, forget, ours=by_tickmart, theirs=by_psql)
    return [
        Line(
            "landing",
            f"one CSV file of {rows:,} rows",
            rate(rows, seconds["ours"]),
            rf"`psql \copy`: {rate(rows, seconds['theirs'])}",
            ratio_of(seconds["ours"], seconds["theirs"]),
            "≥ 0.8 ×",
        )
    ]


def _one_file(folder: Path, rows: int) -> tuple[Path, int]:
    """Put the option bars of several sessions into one file, cut at `rows`."""
    files = [file for file in write_sample(folder, rows=rows, with_bhavcopy=False) if file.kind == "options"]
    whole = folder / "options.csv"
    written = 0
    with whole.open("wb") as target:
        for number, file in enumerate(files):
            with file.path.open("rb") as source:
                header = source.readline()
                if number == 0:
                    target.write(header)
                for line in source:
                    if written == rows:
                        break
                    target.write(line)
                    written += 1
    return whole, written
