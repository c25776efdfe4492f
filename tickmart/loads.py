"""`tickmart loads`: what was loaded, when, from where."""

import os
from typing import Annotated, Any

import typer
from psycopg2.extras import RealDictCursor

from loaders.landing import files, ledger
from loaders.sources import SOURCES
from tickmart.output import show_rows, within
from warehouse import database
from warehouse.database.errors import said_plainly
from warehouse.paths import local_path

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_COLUMNS = ("load_id", "finished_at", "source", "status", "rows", "rejected", "layout", "uri", "remark")


@app.command()
def _loads(
    path: Annotated[str | None, typer.Argument(help="Only loads of this file.", show_default=False)] = None,
    source: Annotated[str | None, typer.Option(help="Only loads of this source.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only loads that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, all columns.")] = False,
) -> None:
    """Show what was loaded, newest first."""
    if source is not None:
        SOURCES.named(source)
    uri = uri_of(path) if path is not None else None
    database.migrate()
    with (
        said_plainly("cannot read the ledger"),
        database.connect() as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        rows = ledger.loads(cursor, source=source, uri=uri, failed=failed, limit=limit + 1)
    rows = within(rows, limit)
    show_rows(_COLUMNS, rows if as_json else [row | {"remark": _remark(row)} for row in rows], as_json)


def uri_of(path: str) -> str:
    """Return the uri under which the ledger knows a path; a uri is returned as it is."""
    if "://" in path:
        return path
    whole = local_path(path)
    if os.path.lexists(whole):
        return files.uri_of(whole)
    file, *members = path.split("!")
    return files.uri_of(local_path(file), *members)


def _remark(row: dict[str, Any]) -> str:
    if row["status"] == "failed":
        return str(row["error"])
    if row["unloaded_at"]:
        return f"unloaded {row['unloaded_at']:%Y-%m-%d %H:%M}"
    if not row["is_current"]:
        return "restated since"
    return f"continues load {row['continues_load_id']}" if row["continues_load_id"] else ""
