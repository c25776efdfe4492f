"""`tickmart greeks`: compute the Greeks that are due."""

import time
from typing import Annotated

import typer
from rich.progress import BarColumn, TimeRemainingColumn

from greeks.enrich import Progress, compute_due
from greeks.slices import Outcome
from tickmart.output import show_json, show_rows
from tickmart.progress import DoneOfAll, PlainText, progress_bar
from warehouse.logs import log_to_stderr

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_A_LINE_EVERY = 10.0


@app.command()
def greeks(
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Most worker processes.", show_default="one per core, at most 16"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler, whose workers then compute: tcp://host:8786.",
            show_default="TICKMART_DASK_CLUSTER",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
) -> None:
    """Compute status, implied volatility and Greeks where prices, spot or rates have changed.

    Whole slices (exchange, underlying, session, interval) are replaced, each in one transaction: a run
    that was stopped goes on where it was. With nothing due nothing is written.
    """
    log_to_stderr()
    if processes is not None and cluster is not None:
        raise typer.BadParameter("--processes and --cluster exclude each other")
    outcome = compute_with_progress(processes, cluster, quiet=as_json)
    if as_json:
        show_json(
            {
                "slices": outcome.slices,
                "removed": outcome.removed,
                "rows": outcome.rows,
                "statuses": dict(outcome.statuses.most_common()),
                "seconds": round(outcome.seconds, 3),
            }
        )
    else:
        show_outcome(outcome)


def show_outcome(outcome: Outcome) -> None:
    """Print what a run has written: a table by status on a terminal, plain lines elsewhere."""
    if not outcome.slices and not outcome.removed:
        typer.echo("Greeks: nothing due")
        return
    rate = outcome.rows / outcome.seconds if outcome.seconds else 0.0
    removed = f", {outcome.removed:,} slices removed" if outcome.removed else ""
    typer.echo(
        f"Greeks: {outcome.rows:,} rows in {outcome.slices:,} slices{removed}, {outcome.seconds:.1f} s"
        f" ({rate:,.0f} rows/s)"
    )
    show_rows(
        ["status", "rows", "percent"],
        [
            {"status": status, "rows": rows, "percent": f"{100 * rows / outcome.rows:.1f}"}
            for status, rows in outcome.statuses.most_common()
        ],
    )


def compute_with_progress(
    processes: int | None = None, cluster: str | None = None, *, quiet: bool = False
) -> Outcome:
    """Compute the Greeks that are due: a bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    processes, cluster
        As `greeks.enrich.compute_due` takes them.
    quiet : bool
        Show neither.
    """
    bar = progress_bar(
        PlainText("Greeks"),
        BarColumn(),
        DoneOfAll(),
        PlainText("slices, {task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
        quiet=quiet,
    )
    task = bar.add_task("Greeks", total=None, rate=0.0)
    lines = _PlainLines()

    def show(progress: Progress) -> None:
        rate = progress.rows / max(progress.seconds, 1e-9)
        bar.update(task, total=progress.slices_due, completed=progress.slices_done, rate=rate)
        if bar.disable and not quiet:
            lines(progress)

    with bar:
        return compute_due(processes=processes, cluster=cluster, on_progress=show)


class _PlainLines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _A_LINE_EVERY

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _A_LINE_EVERY
        rate = progress.rows / max(progress.seconds, 1e-9)
        typer.echo(
            f"Greeks: {progress.slices_done:,} of {progress.slices_due:,} slices,"
            f" {progress.rows:,} rows, {rate:,.0f} rows/s",
            err=True,
        )
