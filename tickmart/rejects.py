"""`tickmart rejects`: the lines that could not be landed, and why."""

from typing import Annotated

import typer
from psycopg2.extras import RealDictCursor

from loaders.landing import ledger
from tickmart.loads import uri_of
from tickmart.output import show_rows, within
from warehouse import database
from warehouse.database.errors import said_plainly
from warehouse.errors import TickmartError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def _rejects(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A load id or a file; without it, all files as they stand now.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show rejected lines: load, line number in the file, reason, text."""
    database.migrate()
    with (
        said_plainly("cannot read the ledger"),
        database.connect() as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        rows = ledger.rejects(cursor, _load_ids(cursor, what), limit + 1)
    rows = within(rows, limit)
    show_rows(("load_id", "uri", "line", "reason", "text"), rows, as_json)


def _load_ids(cursor: RealDictCursor, what: str | None) -> list[int]:
    if what is not None and what.isdecimal():
        cursor.execute("select from audit.loads where load_id = %s", (int(what),))
        if cursor.fetchone() is None:
            raise TickmartError(f"there is no load {what}; see: tickmart loads")
        return [int(what)]
    loads = ledger.loads(cursor, uri=uri_of(what) if what is not None else None)
    if what is not None and not loads:
        raise TickmartError(f"{what} was never loaded; see: tickmart loads")
    return [load["load_id"] for load in loads if load["is_current"]]
