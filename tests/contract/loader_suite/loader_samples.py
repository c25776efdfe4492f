"""The fixtures of a source: tests/fixtures/<source>/ with expected.json beside the files."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from loaders.landing import Outcome, land
from loaders.registry import Source
from warehouse import database as databases

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Sample:
    """A source, its fixtures, and what they must give."""

    source: Source

    @property
    def folder(self) -> Path:
        return FIXTURES / self.source.name

    @cached_property
    def expected(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "expected.json").read_text()))

    @cached_property
    def clean(self) -> str:
        """The text of a file in which nothing is wrong."""
        return (self.folder / self.expected["clean"]).read_text()

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

    def land_one(self, path: Path, **options: Any) -> Outcome:
        """Land one file that holds one member."""
        (outcome,) = land(self.source.name, [path], **options).outcomes
        return outcome

    def landed(self, load_id: int | None) -> dict[int, tuple[str | None, ...]]:
        """File line -> the values of the header's columns, of one load."""
        columns = self.expected["files"][self.expected["clean"]]["first"]
        return {
            row[0]: row[1:]
            for row in query(
                f"select _line - first_line + header_lines + 1, {', '.join(columns)}"
                f" from {self.source.qualified_table} join audit.loads on _load_id = load_id"
                " where load_id = %s order by _line",
                load_id,
            )
        }

    def rows_of(self, lines: list[str]) -> list[tuple[str | None, ...]]:
        """What these lines give, as `landed` does."""
        return [tuple(value or None for value in line.split(",")) for line in lines]


def query(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own."""
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def rejects_of(load_id: int | None) -> list[tuple[int, str, str]]:
    """Line, text and reason of the rejects of a load."""
    return [
        (line, text, reason)
        for line, text, reason in query(
            "select line, text, reason from audit.rejects where load_id = %s order by line", load_id
        )
    ]
