"""How commands show rows: a rich table on a terminal, tab-separated lines elsewhere, JSON where asked."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import typer


def show_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool = False) -> None:
    """Write rows to stdout.

    Parameters
    ----------
    columns : sequence of str
        Which keys of a row to show, in order; spaces instead of underscores in the heading.
    rows : sequence of mapping
        The rows. With `as_json`, all their keys are written.
    as_json : bool
        Write one JSON list instead.
    """
    if as_json:
        show_json([dict(row) for row in rows])
    elif sys.stdout.isatty():
        # imported here: a command that writes to a pipe, or writes no rows, saves a quarter of a second
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            numeric = any(isinstance(row[column], int | float | Decimal) for row in rows)
            table.add_column(
                column.replace("_", " "), justify="right" if numeric else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(readable(row[column]) for column in columns))
        Console(highlight=False, markup=False).print(table)
    else:
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(readable(row[column]).replace("\t", " ") for column in columns))


def within[Row](rows: list[Row], limit: int) -> list[Row]:
    """Return the first rows, and say on stderr where there are more.

    Parameters
    ----------
    rows : list
        One more than `limit` where there are more.
    limit : int
        How many to show.
    """
    if len(rows) > limit:
        typer.echo("older ones are not shown; see --limit", err=True)
    return rows[:limit]


def show_json(value: Any) -> None:
    """Write a value to stdout as JSON; dates and times in ISO 8601."""
    typer.echo(json.dumps(value, indent=2, default=_json))


def readable(value: Any) -> str:
    """Return a value as people read it: thousands separated, times to the second, nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}" if sys.stdout.isatty() else str(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case _:
            return str(value)


def number(count: int, noun: str) -> str:
    """Return a count with its noun, `1 row` or `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
