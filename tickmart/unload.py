"""`tickmart unload`: take loads back."""

from dataclasses import asdict
from typing import Annotated

import typer

from loaders.landing.unloading import unload
from tickmart.output import number, show_json

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def _unload(
    load_ids: Annotated[list[int], typer.Argument(help="Ids of loads; see: tickmart loads")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Take loads back; the next build removes what only they had given."""
    results = unload(load_ids)
    if as_json:
        show_json([asdict(result) for result in results])
        return
    for result in results:
        if result.already:
            typer.echo(f"load {result.load_id} was unloaded before ({result.uri})")
            continue
        behind = f", which continued load {result.went_with}," if result.went_with else ""
        again = f"; load {result.stands_now} of the file counts again" if result.stands_now else ""
        rejects = f" and {number(result.rejects, 'reject')}" if result.rejects else ""
        rows = number(result.rows, "row")
        typer.echo(f"load {result.load_id}{behind} unloaded: {rows}{rejects} deleted ({result.uri}){again}")
    if not all(result.already for result in results):
        typer.echo("Run tickmart build to take them out of the marts.")
