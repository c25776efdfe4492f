"""`tickmart build`: run the due part of dbt build, then the Greeks.

Most builds of a day find nothing new and are over in a moment: what only the others need (dbt's listener, the
raw tables, numpy and what prices with it) is imported when it is needed.
"""

from collections import Counter
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from tickmart.outcomes import outcomes_as_json, show_outcomes
from tickmart.output import show_json
from warehouse import outcomes
from warehouse.database import connect, migrate
from warehouse.dbt import NodeResult
from warehouse.errors import TickmartError
from warehouse.last_build import build_what_is_due, compute_greeks_if_due

if TYPE_CHECKING:
    from rich.progress import Progress

    from greeks.slices import Outcome

_SELECTABLE = {"model", "seed", "test"}

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def build(
    select: Annotated[str, typer.Option(help="Only these models, in dbt's selection syntax.")] = "",
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Build every slice again.")] = False,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Run dbt's tests beside the models.")
    ] = True,
    with_greeks: Annotated[
        bool, typer.Option("--greeks/--no-greeks", help="Compute the Greeks that are due afterwards.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
) -> None:
    """Bring the marts up to date with what was loaded: only what is new is computed.

    Where neither a load nor a file of the project has changed since the last whole build, nothing is run, its
    tests included.
    """
    migrate()
    listener = _Listener(quiet=as_json, with_greeks=with_greeks)
    try:
        with listener:
            run = build_what_is_due(
                listener.begin,
                select=select,
                full_refresh=full_refresh,
                tests=tests,
                on_node=listener.node,
                on_note=listener.note,
            )
    except TickmartError:
        if not as_json:  # what was built before a failure will not be new to the next build
            show_outcomes(listener.taken())
        raise
    taken = listener.taken()
    if select and not any(node.kind in _SELECTABLE for node in run.nodes):
        raise TickmartError(
            f"nothing matches --select {select}. Name models, seeds or tests as dbt does, such as "
            "options_daily or +options_daily."
        )
    outcome = compute_greeks_if_due(run, partial(_compute_greeks, quiet=as_json)) if with_greeks else None

    for warning in run.warnings:
        typer.echo(f"warning: {warning}", err=True)
    kinds = Counter(node.kind for node in run.nodes)
    if as_json:
        show_json(
            {
                "models": kinds["model"],
                "tests": kinds["test"] + kinds["unit_test"],
                "rebuilt": run.notes,
                "sources": outcomes_as_json(taken),
                "greeks": (dict(outcome.statuses) if outcome else {}) if with_greeks else None,
                "warnings": run.warnings,
            }
        )
        return
    typer.echo(
        f"{kinds['model']} models, {kinds['seed']} seeds, "
        + (f"{kinds['test'] + kinds['unit_test']} tests passed; " if tests else "no tests run; ")
        + (f"{len(run.notes)} models rebuilt slices" if run.notes else "nothing new")
    )
    show_outcomes(taken)
    if outcome and outcome.rows + outcome.removed:
        statuses = ", ".join(f"{count:,} {status}" for status, count in outcome.statuses.most_common())
        typer.echo(f"Greeks of {outcome.rows:,} rows in {outcome.slices} slices: {statuses or 'none left'}")
    elif with_greeks:
        typer.echo("Greeks: nothing due")


def _compute_greeks(quiet: bool) -> "Outcome":
    from tickmart.greeks import compute_with_progress
    from warehouse.logs import log_to_stderr

    log_to_stderr()
    return compute_with_progress(quiet=quiet)


def _import_what_prices() -> None:
    with suppress(Exception):  # whoever needs it imports it again, and is told what is wrong
        import_module("tickmart.greeks")


class _Listener(AbstractContextManager["_Listener"]):
    """Once dbt begins: a progress bar on a terminal, and elsewhere a line per thing worth saying.

    What prices is then imported beside it, where Greeks are wanted.
    """

    def __init__(self, quiet: bool, with_greeks: bool) -> None:
        self._quiet = quiet
        self._with_greeks = with_greeks
        self._bar: Progress | None = None
        self._began: datetime | None = None

    def begin(self) -> None:
        from rich.progress import BarColumn, TimeElapsedColumn

        from loaders.landing.raw_tables import create_raw_tables
        from tickmart.progress import DoneOfAll, PlainText, progress_bar

        self._bar = progress_bar(
            PlainText("{task.description}"), BarColumn(), DoneOfAll(), TimeElapsedColumn(), quiet=self._quiet
        )
        self._task = self._bar.add_task("building", total=None)
        self._bar.start()
        with connect() as connection:
            create_raw_tables(connection)
            self._began = outcomes.moment(connection)
        if self._with_greeks:
            Thread(target=_import_what_prices).start()

    def __exit__(self, *arguments: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def node(self, result: NodeResult) -> None:
        # operations, which run at the start and the end, are counted by themselves
        if self._bar is not None and result.kind != "operation":
            self._bar.update(self._task, total=result.total, advance=1, description=result.name[:40])

    def note(self, text: str) -> None:
        if not self._quiet:
            typer.echo(text, err=True)

    def taken(self) -> list[outcomes.SourceOutcome]:
        """Return what became of the loads that dbt has taken in since it began."""
        if self._began is None:
            return []
        with connect() as connection:
            return outcomes.outcomes_since(connection, self._began)
