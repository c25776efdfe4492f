"""`tickmart trace`: a mart row back to its file and line."""

import os
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import typer

from loaders.loaded_files import LoadedFiles
from tickmart.marts import hint_of_loads_not_built, open_marts
from tickmart.output import readable, show_json
from warehouse.lineage import Origin, Trace, find_mart, find_subject, parse_time, trace
from warehouse.paths import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def _trace(
    symbol: Annotated[
        str,
        typer.Argument(
            help="NIFTY_250313_22500_CE, NIFTY, AAPL or AAPL.NASDAQ; the exchange's or a vendor's symbol."
        ),
    ],
    time: Annotated[
        str,
        typer.Argument(
            help="2025-03-12T12:30; the exchange's time unless it says its zone. A date for a daily row."
        ),
    ],
    mart: Annotated[
        str | None,
        typer.Option(
            help="Such as options_hourly. Default: the minute mart for a time, the daily for a date;"
            " market_data of what has none."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show a mart row, the load, file and line that it came from, and what else there was for that bar."""
    when = parse_time(time)
    with open_marts() as connection:
        subject = find_subject(connection, symbol, mart)
        interval, found_in = find_mart(subject, when, mart)
        traced = trace(connection, subject, interval, found_in, when, LoadedFiles())
        hint = hint_of_loads_not_built(connection)
    if as_json:
        show_json(
            {
                "mart": traced.mart,
                "rows": [
                    {"row": row, "origins": [asdict(origin) for origin in origins]}
                    for row, origins in traced.rows
                ],
                "set_aside": traced.set_aside,
                "rejects": traced.rejects,
            }
        )
    else:
        _show(traced, subject.zone)
    if hint:
        typer.echo(f"note: {hint}", err=True)


def _show(traced: Trace, zone: ZoneInfo) -> None:
    for row, origins in traced.rows:
        typer.echo(f"marts.{traced.mart}")
        for name, value in row.items():
            if value is not None:
                typer.echo(f"  {name:<28}{_shown(value, zone)}")
        for origin in origins:
            _show_origin(origin, zone)
        typer.echo("")
    if traced.set_aside:
        typer.echo("other rows for the same bar")
        for other in traced.set_aside:
            typer.echo(f"  {other['outcome']}: {other['reason']}")
            typer.echo(f"    load {other['load_id']}, line {other['line']} of {_path(other['uri'])}")
            typer.echo(f"    {other['text']}")
    if traced.rejects:
        typer.echo("lines of these files that name the symbol and could not be landed")
        for reject in traced.rejects:
            typer.echo(f"  line {reject['line']} of {_path(reject['uri'])}: {reject['reason']}")
            typer.echo(f"    {reject['text']}")


def _show_origin(origin: Origin, zone: ZoneInfo) -> None:
    load = origin.load
    rows = f"{origin.rows:,} rows of " if origin.rows > 1 else ""
    typer.echo(f"from {rows}load {load['load_id']}, {load['source']} (layout {load['layout']})")
    typer.echo(f"  {'file':<28}{_path(load['uri'])}")
    typer.echo(f"  {'sha256':<28}{load['sha256']}")
    typer.echo(f"  {'loaded at':<28}{_shown(load['loaded_at'], zone)}")
    if load["replaces"]:
        typer.echo(f"  {'replaces load':<28}{', '.join(map(str, load['replaces']))}")
    if load["replaced_by"]:
        typer.echo(f"  {'replaced since by load':<28}{load['replaced_by']}, which is not built yet")
    if load["unloaded_at"]:
        typer.echo(f"  {'unloaded at':<28}{_shown(load['unloaded_at'], zone)}, not built since")
    for line in origin.lines:
        name = f"line {line['line']}"
        typer.echo(f"  {name:<28}{line['text'] if line['text'] is not None else ''}")
        if line["text_from"] != "the file":
            typer.echo(f"  {'':<28}(read from {line['text_from']})")


def _shown(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    return readable(value)


def _path(uri: str) -> str:
    return printable(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))
