"""The fixtures of a source: tests/fixtures/<source>/ with expected.json beside the files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from loaders.landing import Outcome, Report, land
from loaders.layouts import Layout
from loaders.source import Source
from loaders.sources import SOURCES
from warehouse import database as databases

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Sample:
    """A source and one of its clean files, its fixtures, and what they must give."""

    source: Source
    clean_name: str

    @property
    def folder(self) -> Path:
        return FIXTURES / self.source.name

    @cached_property
    def expected(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "expected.json").read_text()))

    @cached_property
    def clean(self) -> str:
        """The text of a file in which nothing is wrong."""
        return (self.folder / self.clean_name).read_text()

    @property
    def layout(self) -> Layout:
        """The layout of the clean file."""
        name = self.expected["files"][self.clean_name]["layout"]
        return next(layout for layout in self.source.layouts if layout.name == name)

    @property
    def table(self) -> str:
        """Where its rows land."""
        return self.layout.table.qualified

    @property
    def as_of(self) -> date | None:
        """The day that has to be said."""
        return date(2025, 10, 6) if self.source.undated else None

    @property
    def header(self) -> str:
        return self.clean.split("\n")[0]

    @property
    def lines(self) -> list[str]:
        return self.clean.split("\n")[1:-1]

    @property
    def fields(self) -> int:
        return len(self.header.split(","))

    def text(self, *lines: str) -> str:
        """A file of the header and these lines."""
        return "\n".join([self.header, *lines]) + "\n"

    def uri(self, path: Path) -> str:
        """The path as the ledger names it."""
        return path.as_uri() + (f"?as_of={self.as_of}" if self.as_of else "")

    def place(self, outcome: Outcome, path: Path) -> str:
        """What follows the path's name in the ledger's name of an outcome, without the day."""
        return outcome.uri.removeprefix(path.as_uri()).removesuffix(
            self.uri(path).removeprefix(path.as_uri())
        )

    def said_of(self, name: str) -> dict[str, str]:
        """What has to be said of a fixture that does not say everything itself."""
        of_one: dict[str, str] = self.expected["files"].get(name, {}).get("options", {})
        return of_one or dict(self.expected.get("options", {}))

    @property
    def said(self) -> dict[str, str]:
        """What has to be said of the clean file."""
        return self.said_of(self.clean_name)

    def command(self, path: Path) -> list[str]:
        """The command that lands it."""
        said = ["--as-of", str(self.as_of)] if self.as_of else []
        said += [part for name, value in self.said.items() for part in (f"--{name}", value)]
        return [sys.executable, "-m", "tickmart", "load", self.source.name, *said, str(path)]

    def land(self, paths: Iterable[str | Path], **options: Any) -> Report:
        """Land files as the source wants them landed."""
        return land(self.source.name, paths, **{"as_of": self.as_of, "options": self.said} | options)

    def land_one(self, path: Path, **options: Any) -> Outcome:
        """Land one file that holds one member."""
        (outcome,) = self.land([path], **options).outcomes
        return outcome

    def landed(self, load_id: int | None) -> dict[int, tuple[str | None, ...]]:
        """File line -> the values of the header's columns, of one load."""
        columns = self.expected["files"][self.clean_name]["first"]
        return {
            row[0]: row[1:]
            for row in query(
                f"select _line - first_line + header_lines + 1, {', '.join(columns)}"
                f" from {self.table} join audit.loads on _load_id = load_id"
                " where load_id = %s order by _line",
                load_id,
            )
        }

    def rows_of(self, lines: list[str]) -> list[tuple[str | None, ...]]:
        """The rows that these lines give, in the form of `landed`."""
        return [tuple(value or None for value in line.split(",")) for line in lines]


def query(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own."""
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def on_insert(sample: Sample, body: str) -> None:
    """Let the server do something at every row that comes into the raw table."""
    query(
        "create function audit.on_insert() returns trigger language plpgsql"
        f" as $$begin {body} return new; end$$"
    )
    query(
        f"create trigger on_insert before insert on {sample.table}"
        " for each row execute function audit.on_insert()"
    )


def quiet(sample: Sample) -> None:
    query("drop function audit.on_insert cascade")


def kill_while_copying(sample: Sample, path: Path, after_rows: int) -> None:
    """Load a file by the command, kill it once so many rows are in, and wait until the server gave up."""
    command = subprocess.Popen(sample.command(path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    copying = "select pid from pg_stat_progress_copy where relid = %s::regclass and tuples_processed > %s"
    while not (backends := query(copying, sample.table, after_rows)):
        assert command.poll() is None, "the load ended before it could be killed"
        time.sleep(0.01)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    deadline = time.monotonic() + 30
    while query("select 1 from pg_stat_activity where pid = %s", backends[0][0]):
        assert time.monotonic() < deadline, "the server still works for the killed load"
        time.sleep(0.05)


def rejects_of(load_id: int | None) -> list[tuple[int, str, str]]:
    """Line, text and reason of the rejects of a load."""
    return [
        (line, text, reason)
        for line, text, reason in query(
            "select line, text, reason from audit.rejects where load_id = %s order by line", load_id
        )
    ]


def samples() -> list[Sample]:
    """Every clean file of every source: one per raw table and layout that has quirks of its own."""
    return [
        Sample(source, name)
        for source in SOURCES.values()
        for name in json.loads((FIXTURES / source.name / "expected.json").read_text())["clean"]
    ]


def of_transport() -> list[Sample]:
    """Two files for tests in which the layout plays no part: bytes, encodings, archives, interruptions.

    One has columns after those that identify its layout; for the other, the day has to be said.
    """
    named = {identify(sample): sample for sample in samples()}
    return [named["nse-bhavcopy-udiff"], named["kite-instruments-kite"]]


def of_known_layouts() -> list[Sample]:
    """Those whose layout is known by its header; the others are asked of by their own tests."""
    return [sample for sample in samples() if sample.source.recognise is None]


def identify(sample: Sample) -> str:
    """Name a sample in a test's name."""
    return f"{sample.source.name}-{sample.layout.name}"
