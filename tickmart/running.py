"""`tickmart run`: files to a catalog in one go, as load, build and export would do it one after the other."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exporters.exporting import ExportReport, export
from exporters.formats import EXPORTERS
from exporters.series import Series
from loaders.landing import Listener, Report, land
from loaders.landing.finding import ANYBODYS_LINES, files_by_source, what_applies
from loaders.sources import SOURCES
from tickmart.load import conclude, listener_of, said_of, take_options
from tickmart.output import number, show_json
from warehouse.built_slices import groups_of_loads
from warehouse.database import connect, migrate
from warehouse.errors import TickmartError
from warehouse.last_build import build_what_is_due, compute_greeks_if_due
from warehouse.options import date_option

if TYPE_CHECKING:
    from greeks.slices import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def run(
    *paths: str | Path,
    to: str | Path,
    source: str | None = None,
    format: str = "nautilus",
    symbols: Sequence[str] = (),
    series: Sequence[str] = (),
    tests: bool = True,
    force: bool = False,
    as_of: date | None = None,
    **options: str,
) -> ExportReport:
    """Load files, build what they reach, and export it.

    Parameters
    ----------
    *paths : str or Path
        Files, folders and patterns.
    to : str or Path
        A folder, or `s3://bucket/prefix`.
    source : str or None
        Such as `nse-minute`; None: the header of each file decides.
    format : str
        `nautilus`, `backtrader` or another of `EXPORTERS`.
    symbols : sequence of str
        Underlyings, and symbols of shares, to export; empty: those that the files are of.
    series : sequence of str
        Names in `Series`; empty: all that the format takes.
    tests : bool
        Run dbt's tests beside the models.
    force, as_of
        As for `loaders.landing.land`.
    **options : str
        What the files do not say themselves, such as `exchange="NASDAQ"` or `symbol="AAPL"`; for files of
        anybody's layout, or of `source`.

    Returns
    -------
    ExportReport

    Raises
    ------
    TickmartError
        A file could not be loaded, the build failed, or there is nothing to export. What was done before
        stays done, and the same call goes on from there.
    """
    EXPORTERS.named(format)
    report = _load(list(paths), source, force, as_of, options, Listener())
    report.raise_if_failed()
    _build(tests)
    return _export(report, format, symbols, series, str(to))


def _load(
    paths: Sequence[str | Path],
    source: str | None,
    force: bool,
    as_of: date | None,
    options: Mapping[str, str],
    listener: Listener,
) -> Report:
    report = Report()
    found = {source: list(map(str, paths))} if source else files_by_source(paths)
    for name, files in found.items():
        day, said = what_applies(SOURCES.named(name), as_of, options)
        said = options if source else said
        landed = land(name, files, force=force, as_of=day, options=said, listener=listener)
        report.outcomes.extend(landed.outcomes)
    if not report.outcomes:
        raise TickmartError(f"there is no data file at {', '.join(map(str, paths))}")
    return report


def _build(tests: bool) -> None:
    migrate()
    compute_greeks_if_due(build_what_is_due(lambda: None, tests=tests), _compute_greeks)


def _compute_greeks() -> "Outcome":
    from greeks.enrich import compute_due

    return compute_due()


def _export(
    report: Report, format: str, symbols: Sequence[str], series: Sequence[str], to: str
) -> ExportReport:
    loads = [outcome.load_id for outcome in report.outcomes if outcome.load_id is not None]
    with connect() as connection:
        held = groups_of_loads(connection, loads)
    wanted = list(symbols) or held
    if not wanted:
        raise TickmartError(
            "no row of these files names what it is of, or all of them are quarantined (tickmart loads)."
            " To export what the marts hold: tickmart export"
        )
    return export(format, wanted, None, None, to, series=series)


def _run(
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders or patterns; a first word that is a source is the source."),
    ],
    to: Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix.")],
    format: Annotated[str, typer.Option(help=f"One of {', '.join(EXPORTERS)}.")] = "nautilus",
    data_types: Annotated[
        list[str] | None,
        typer.Option(
            help=f"One of {', '.join(Series)}; may be repeated. Without it: all that the format takes."
        ),
    ] = None,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Run dbt's tests beside the models.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Load again what is there.")] = False,
    as_of: Annotated[date | None, date_option("The exchange's day that undated files show")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
    **given: str | bool | None,
) -> None:
    """Load files, build what they reach, and export it, as load, build and export would."""
    from tickmart.build import build
    from tickmart.export import show

    EXPORTERS.named(format)
    options = said_of(given)
    source = paths.pop(0) if len(paths) > 1 and paths[0] in SOURCES else None
    listener = listener_of(quiet=as_json)
    with listener:
        report = _load(paths, source, force, as_of, options, listener)
    if not as_json:
        conclude(report, as_json=False)
    report.raise_if_failed()
    if as_json:
        _build(tests)
    else:
        build("", False, tests, True, False)
    exported = _export(report, format, (), data_types or (), to)
    if as_json:
        show_json({"files": [outcome.name for outcome in report.outcomes], "export": exported.to_dict()})
        return
    show(exported)
    typer.echo(f"{number(exported.rows, 'row')} in {to}. " + _next(format, to))


def _next(format: str, to: str) -> str:
    if format == "nautilus":
        return f"Next: tickmart backtest run --catalog {to}"
    return f"How to load them: docs/exports/{format}.md"


take_options(_run, SOURCES[ANYBODYS_LINES].options)
app.command()(_run)
