"""`tickmart plan`: which pages a fetch would ask for, and whether the vendor is there."""

from typing import Annotated

import typer

from loaders.fetching import check, plan
from loaders.source import Source
from tickmart.fetch import (
    First,
    Last,
    Symbols,
    add_commands,
    interval_option,
    none_can_be_asked,
    request_of,
)
from tickmart.output import number, show_rows

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Show which pages a fetch would ask for; nothing is fetched.",
    epilog=none_can_be_asked(),
)


def _add_command(source: Source) -> None:
    def command(
        symbols: Symbols,
        interval: Annotated[str, typer.Option(help=interval_option(source))],
        start: First,
        end: Last,
        check_first: Annotated[
            bool, typer.Option("--check", help="Ask the vendor whether it is there and takes the key.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    ) -> None:
        pages = plan(source.name, request_of(symbols, interval, start, end))
        if check_first:
            check(source.name)
        rows = [
            {"symbol": page.symbol, "interval": page.interval, "start": page.start, "end": page.end}
            for page in pages
        ]
        show_rows(("symbol", "interval", "start", "end"), rows, as_json)
        if not as_json:
            answers = f"; {source.name} answers and takes the key" if check_first else ""
            typer.echo(f"{number(len(pages), 'page')} to ask for{answers}")

    app.command(source.name, help=source.description)(command)


add_commands(app, _add_command)
