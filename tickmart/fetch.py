"""`tickmart fetch`: ask a vendor for what is not there yet, and land its answers."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from loaders.fetching import Request, fetch
from loaders.landing import Listener, Outcome
from loaders.source import Source
from loaders.sources import SOURCES
from tickmart.output import number, show_json
from warehouse.options import date_option


def none_can_be_asked() -> str | None:
    """Return what help says where no source can be asked."""
    if any(source.fetcher is not None for source in SOURCES.values()):
        return None
    return "None of the sources can be asked: all give files, see tickmart load."


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Ask a vendor for what is not there yet, and land its answers.",
    epilog=none_can_be_asked(),
)

Symbols = Annotated[list[str], typer.Argument(help="As the vendor spells them.")]
First = Annotated[date, date_option("First day, in UTC")]
Last = Annotated[date, date_option("Last day, in UTC, included")]


def interval_option(source: Source) -> str:
    """Return the help of the option for what can be asked for."""
    assert source.fetcher is not None
    return f"One of {', '.join(source.fetcher.intervals)}."


def request_of(symbols: list[str], interval: str, start: date, end: date) -> Request:
    """Return the request that the options of a command describe."""
    midnight = time(tzinfo=UTC)
    return Request(
        tuple(symbols),
        interval,
        datetime.combine(start, midnight),
        datetime.combine(end, midnight) + timedelta(days=1),
    )


def add_commands(app: typer.Typer, add: Callable[[Source], None]) -> None:
    """Add a command per source that can be asked."""

    @app.callback()
    def _callback() -> None:
        """Name a source that can be asked; all others give files (tickmart load)."""

    for source in SOURCES.values():
        if source.fetcher is not None:
            add(source)


def _add_command(source: Source) -> None:
    def command(
        symbols: Symbols,
        interval: Annotated[str, typer.Option(help=interval_option(source))],
        start: First,
        end: Last,
        force: Annotated[
            bool, typer.Option("--force", help="Let an answer without rows replace one with rows.")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="Write the outcome of each page as JSON.")
        ] = False,
    ) -> None:
        listener = Listener() if as_json else _Spoken()
        request = request_of(symbols, interval, start, end)
        report = fetch(source.name, request, force=force, listener=listener)
        if as_json:
            show_json([asdict(outcome) for outcome in report.outcomes])
        else:
            asked = number(len(report.outcomes), "page")
            typer.echo(
                f"{asked} asked for: {number(report.rows, 'row')} landed, {report.count('empty'):,}"
                f" without trading, {report.count('already loaded'):,} as before,"
                f" {report.count('failed'):,} unanswered"
            )
        for outcome in report.outcomes:
            if outcome.status == "failed":
                typer.echo(f"error: {outcome.error}", err=True)
        if report.count("failed"):
            raise typer.Exit(1)

    app.command(source.name, help=source.description)(command)


class _Spoken(Listener):
    """One line per page."""

    def waits(self, for_what: str) -> None:
        typer.echo(f"waiting: {for_what}", err=True)

    def ends(self, outcome: Outcome) -> None:
        match outcome.status:
            case "loaded":
                beside = f", continues load {outcome.continues}" if outcome.continues else ""
                beside = f", restates load {outcome.restates}" if outcome.restates else beside
                said = f"{number(outcome.rows, 'row')} (load {outcome.load_id}{beside})"
            case "empty":
                said = "no trading"
            case "already loaded":
                said = f"as before (load {outcome.load_id})"
            case _:
                said = "no answer"
        typer.echo(f"{outcome.name}: {said}")


add_commands(app, _add_command)
