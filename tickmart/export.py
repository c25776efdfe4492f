"""`tickmart export`: write marts as files that a backtester loads."""

import time
from typing import Annotated

import typer
from rich.progress import SpinnerColumn, TimeElapsedColumn

from exporters.exporting import ExportReport, export
from exporters.formats import EXPORTERS
from exporters.series import Series
from tickmart.output import show_json, show_rows
from tickmart.progress import PlainText, progress_bar
from warehouse.options import End, Start, check_range

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Write marts as files that a backtester loads.",
)

_STAGES = {"write": "written", "verify": "read back and compared"}


@app.callback()
def _export() -> None:
    """Write marts as files that a backtester loads."""


def _add_command(name: str) -> None:
    def command(
        to: Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix.")],
        underlying: Annotated[
            list[str] | None,
            typer.Option(
                "--underlying",
                "--symbol",
                help="Such as NIFTY, AAPL or BTCUSDT; may be repeated. Without it: all but shares, currencies"
                " and coins.",
            ),
        ] = None,
        series: Annotated[
            list[str] | None,
            typer.Option(
                help=f"One of {', '.join(Series)}; may be repeated. Without it: all that the format takes, or"
                " that this destination holds."
            ),
        ] = None,
        start: Start = None,
        end: End = None,
        verify: Annotated[
            bool, typer.Option("--verify/--no-verify", help="Read the files back and compare with the marts.")
        ] = True,
        as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
    ) -> None:
        check_range(start, end)
        with _Progress(as_json) as progress:
            report = export(
                name,
                underlying or [],
                start,
                end,
                to,
                series=series or (),
                verify=verify,
                progress=progress,
            )
        if as_json:
            show_json(report.to_dict())
        else:
            show(report)

    app.command(name, help=EXPORTERS.summary(name))(command)


for _name in EXPORTERS:
    _add_command(_name)


def show(report: ExportReport) -> None:
    """Show what an export has written."""
    for warning in report.warnings:
        typer.echo(f"note: {warning}", err=True)
    outcome = report.outcome
    if not (outcome.written or outcome.removed):
        typer.echo(f"{report.destination} is up to date: {outcome.unchanged:,} files as they were.")
    show_rows(
        (
            "underlyings",
            "first_session",
            "last_session",
            "rows",
            "written",
            "unchanged",
            "removed",
            "compared",
        ),
        [
            {
                "underlyings": ", ".join(report.underlyings),
                "first_session": report.first,
                "last_session": report.last,
                "rows": report.rows,
                "written": outcome.written,
                "unchanged": outcome.unchanged,
                "removed": outcome.removed,
                "compared": report.rows_verified,
            }
        ],
    )


class _Progress:
    """Rows and rate per stage: a live line on a terminal, nothing where output is read by a program."""

    def __init__(self, as_json: bool) -> None:
        self._bar = progress_bar(
            SpinnerColumn(), PlainText("{task.description}"), TimeElapsedColumn(), quiet=as_json
        )
        self._task = self._bar.add_task("reading marts", total=None)
        self._stage, self._rows, self._started = "", 0, time.monotonic()

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, rows: int) -> None:
        if stage != self._stage:
            self._stage, self._rows, self._started = stage, 0, time.monotonic()
        self._rows += rows
        rate = self._rows / max(time.monotonic() - self._started, 0.001)
        self._bar.update(self._task, description=f"{self._rows:,} rows {_STAGES[stage]} ({rate:,.0f} rows/s)")
