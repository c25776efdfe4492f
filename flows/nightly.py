"""The night's work: ingest, dbt build, Greeks, export.

    python -m flows.nightly --help

runs it at once, with no server and no account. `prefect.yaml` puts it on a schedule.
"""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import typer
from prefect import State, flow
from prefect.artifacts import create_markdown_artifact

from exporters.exporting import ExportReport
from exporters.publish import open_store
from flows.export import check_formats, publish
from flows.ingest import default_inbox, ingest
from flows.transform import Built, build, check_whole_tables, price
from loaders.landing import Report
from loaders.sources import SOURCES
from warehouse.errors import TickmartError
from warehouse.options import check_range, date_option, range_fault

FORMATS = ("nautilus",)
DESTINATION = "catalogs"
_MOST_NAMED = 20


@dataclass
class Night:
    """What one night has done.

    Attributes
    ----------
    ingested : dict of str to Report
        By source.
    built : Built or None
    tests_of_whole_tables : int
        Tests that read everything, and passed.
    statuses : Counter of str
        Rows whose Greeks were computed, by status.
    exports : list of ExportReport
    failures : list of str
        What failed while the rest went on.
    """

    ingested: dict[str, Report] = field(default_factory=dict)
    built: Built | None = None
    tests_of_whole_tables: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    exports: list[ExportReport] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@flow(name="nightly")
def nightly(
    inbox: dict[str, list[str]] | None = None,
    underlyings: list[str] | None = None,
    formats: list[str] | None = None,
    destination: str = DESTINATION,
    start: date | None = None,
    end: date | None = None,
    tests: bool = True,
    whole_tables: bool = True,
) -> None:
    """Land what is new, build the marts, price the options, test, publish the files.

    A file, a source or a format that fails does not stop the others; the run then ends as failed and says
    which. A build that fails stops the export: nothing that did not pass its tests is published.

    Parameters
    ----------
    inbox : dict of str to list of str, optional
        Files, folders and patterns by source. Default: the folders `inbox/<source>`.
    underlyings : list of str, optional
        What to export. Default: all.
    formats : list of str, optional
        Export formats. Default: nautilus.
    destination : str
        A folder or `s3://bucket/prefix`; each format gets its own folder in it.
    start, end : date, optional
        First and last session to export. Default: the month of the newest session, and back to the earliest
        session that changed since the destination was last written; everything the first time.
    tests : bool
        Run dbt's tests beside the models; on tables of bars they read the sessions that are new.
    whole_tables : bool
        Then run them again over everything that is stored, because only this shows damage to old sessions.
    """
    wanted = list(FORMATS) if formats is None else formats
    check_formats(wanted)
    open_store(destination)  # fails now, and not after the build, if it is not a usable place
    fault = range_fault(start, end)
    if fault:
        raise TickmartError(fault)
    sources = default_inbox() if inbox is None else inbox
    for source in sources:
        SOURCES.named(source)

    night = Night()
    try:
        for source, paths in sources.items():
            _ingest(night, source, paths)
        night.built = build(tests)
        night.statuses = price()
        if whole_tables:
            night.tests_of_whole_tables = check_whole_tables()
        for name in wanted:
            _publish(night, name, underlyings or [], start, end, f"{destination.rstrip('/')}/{name}")
    finally:
        create_markdown_artifact(markdown(night), key="nightly", description="What the night has done")
    if night.failures:
        raise TickmartError("\n".join(["the rest is done, but:", *night.failures]))


def markdown(night: Night) -> str:
    """Return a night's report as Markdown."""
    loads = [
        (source, o.name, o.status, o.load_id, f"{o.rows:,}", f"{o.rejected:,}")
        for source, report in night.ingested.items()
        for o in report.outcomes
        if o.status not in ("already loaded", "skipped")
    ]
    known = sum(report.count("already loaded") for report in night.ingested.values())
    skipped = [o.name for report in night.ingested.values() for o in report.outcomes if o.status == "skipped"]
    parts = ["## Files", f"{known:,} were there already."]
    if skipped:
        more = ", …" if len(skipped) > _MOST_NAMED else ""
        parts += [f"{len(skipped):,} were skipped: {', '.join(skipped[:_MOST_NAMED])}{more}"]
    parts += _table(("source", "file", "status", "load", "rows", "rejected"), loads)
    parts += ["## Build"]
    if night.built is None:
        parts += ["Not done."]
    else:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(night.built.nodes.items()))
        parts += [f"{counts}; {'rebuilt:' if night.built.rebuilt else 'nothing new.'}"]
        parts += ["\n".join(f"- {note}" for note in night.built.rebuilt)]
    if night.tests_of_whole_tables:
        parts += [f"{night.tests_of_whole_tables} tests read whole tables."]
    parts += ["## Greeks"]
    parts += _table(("status", "rows"), [(s, f"{n:,}") for s, n in night.statuses.most_common()]) or [
        "None due."
    ]
    parts += ["## Exports"]
    parts += _table(
        ("destination", "from", "to", "rows", "written", "unchanged", "removed"),
        [
            (
                report.destination, report.first, report.last, f"{report.rows:,}",
                report.outcome.written, report.outcome.unchanged, report.outcome.removed,
            )
            for report in night.exports
        ],
    ) or ["None."]  # fmt: skip
    if night.failures:
        parts += ["## Failed", "\n".join(f"- {failure}" for failure in night.failures)]
    return "\n\n".join(part for part in parts if part)


def _ingest(night: Night, source: str, paths: list[str]) -> None:
    state: State[Report] = ingest(source, paths, return_state=True)
    if not state.is_completed():
        night.failures.append(f"tickmart load {source} {shlex.join(paths)}: {_why(state)}")
        return
    report = state.result()
    night.ingested[source] = report
    night.failures += [str(outcome.error) for outcome in report.outcomes if outcome.status == "failed"]


def _publish(
    night: Night,
    name: str,
    underlyings: list[str],
    start: date | None,
    end: date | None,
    destination: str,
) -> None:
    state: State[ExportReport] = publish(name, underlyings, start, end, destination, return_state=True)
    if state.is_completed():
        night.exports.append(state.result())
        return
    again = ["tickmart", "export", name, "--to", destination]
    again += [part for underlying in underlyings for part in ("--underlying", underlying)]
    again += ["--start", str(start)] if start else []
    again += ["--end", str(end)] if end else []
    night.failures.append(f"{shlex.join(again)}: {_why(state)}")


def _why(state: State[Any]) -> str:
    error = state.result(raise_on_failure=False)
    return str(error) if isinstance(error, BaseException) else str(state.message)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return []
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[str("" if cell is None else cell).replace("|", "\\|") for cell in line] for line in lines]
    return ["\n".join(f"| {' | '.join(line)} |" for line in cells)]


def _inbox_of(given: list[str]) -> dict[str, list[str]]:
    inbox: dict[str, list[str]] = {}
    for pair in given:
        source, separator, path = pair.partition("=")
        if not separator or not path:
            raise TickmartError(f"cannot read --inbox {pair}; write nse-minute=PATH")
        inbox.setdefault(source, []).append(path)
    return inbox


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def _run(
    inbox: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=PATH, such as nse-minute=files; may be repeated. Default: inbox/SOURCE."),
    ] = None,
    underlying: Annotated[
        list[str] | None, typer.Option(help="What to export; may be repeated. Without it: all there are.")
    ] = None,
    format: Annotated[
        list[str] | None, typer.Option(help=f"May be repeated. Default: {', '.join(FORMATS)}.")
    ] = None,
    to: Annotated[
        str, typer.Option(help="A folder, or s3://bucket/prefix; each format gets its own folder in it.")
    ] = DESTINATION,
    start: Annotated[date | None, date_option("First session to export", show_default="what changed")] = None,
    end: Annotated[date | None, date_option("Last session to export")] = None,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Run dbt's tests beside the models.")
    ] = True,
    whole_tables: Annotated[
        bool,
        typer.Option(
            "--whole-tables/--no-whole-tables", help="Then test all that is stored, old sessions too."
        ),
    ] = True,
) -> None:
    """Land what is new, build the marts, price the options and publish the files, at once.

    Needs no server and no account. To have it done every night: prefect.yaml.
    """
    check_range(start, end)
    try:
        nightly(
            inbox=_inbox_of(inbox) if inbox else None,
            underlyings=underlying,
            formats=format,
            destination=to,
            start=start,
            end=end,
            tests=tests,
            whole_tables=whole_tables,
        )
    except TickmartError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    app()
