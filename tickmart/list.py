"""`tickmart list`: what data is there."""

from typing import Annotated

import typer

from tickmart.marts import hint_of_loads_not_built, open_marts
from tickmart.output import show_rows
from warehouse.errors import TickmartError
from warehouse.holdings import holdings
from warehouse.names import names_held

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_COLUMNS = (
    "underlying", "exchange", "instrument_type", "interval", "first_session", "last_session", "contracts",
    "rows", "source", "mart",
)  # fmt: skip


@app.command()
def _list(
    underlying: Annotated[
        list[str] | None,
        typer.Option(
            "--underlying",
            "--symbol",
            help="Such as NIFTY, or AAPL of a share; may be repeated. Without it: all there are.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show what data is there: underlying, exchange, interval, first and last session, contracts, rows."""
    with open_marts() as connection:
        rows = holdings(connection)
        hint = hint_of_loads_not_built(connection)
    if not rows:
        raise TickmartError(
            hint or "the marts are empty. Load vendor files (tickmart load …), then run: tickmart build"
        )
    wanted = names_held(underlying or (), sorted({row["underlying"] for row in rows}))
    show_rows(_COLUMNS, [row for row in rows if not wanted or row["underlying"] in wanted], as_json)
    if hint:
        typer.echo(f"note: {hint}", err=True)
