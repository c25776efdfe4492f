"""`tickmart build`: dbt build, then the Greeks."""

from collections import Counter
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, TimeElapsedColumn

from loaders.registry import create_raw_tables
from tickmart.greeks import compute_with_progress
from tickmart.outcomes import outcomes_as_json, show_outcomes
from tickmart.output import show_json
from tickmart.progress import DoneOfAll, PlainText, progress_bar
from warehouse import outcomes
from warehouse.database import connect, migrate
from warehouse.dbt import NodeResult, build_lock, run_dbt
from warehouse.errors import TickmartError
from warehouse.logs import log_to_stderr

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
    """Bring the marts up to date with what was loaded: only what is new is computed."""
    log_to_stderr()
    migrate()
    with connect() as connection:
        create_raw_tables(connection)
        connection.commit()
    arguments = [
        *(["--select", select] if select else []),
        *(["--full-refresh"] if full_refresh else []),
    ]
    # unit tests hold the models' SQL, which no load changes: `dbt build` and `dbt test` run them
    left_out = f"--exclude-resource-type unit_test{'' if tests else ' --exclude-resource-type test'}"
    taken: list[outcomes.SourceOutcome] = []
    try:
        with _Listener(quiet=as_json) as listener, build_lock():
            began = _database_time()
            try:
                run = run_dbt(f"build {left_out}", arguments, on_node=listener.node, on_note=listener.note)
            finally:  # what was built before a failure will not be new to the next build
                taken = _taken_since(began)
    except TickmartError:
        if not as_json:
            show_outcomes(taken)
        raise
    if select and not any(node.kind in _SELECTABLE for node in run.nodes):
        raise TickmartError(
            f"nothing matches --select {select}. Name models, seeds or tests as dbt does, such as "
            "options_daily or +options_daily."
        )
    outcome = compute_with_progress(quiet=as_json) if with_greeks else None

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
                "greeks": dict(outcome.statuses) if outcome else None,
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
    elif outcome:
        typer.echo("Greeks: nothing due")


def _database_time() -> datetime:
    with connect() as connection:
        return outcomes.moment(connection)


def _taken_since(began: datetime) -> list[outcomes.SourceOutcome]:
    with connect() as connection:
        return outcomes.outcomes_since(connection, began)


class _Listener(AbstractContextManager["_Listener"]):
    """A progress bar on a terminal, a line per thing worth saying elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = progress_bar(
            PlainText("{task.description}"), BarColumn(), DoneOfAll(), TimeElapsedColumn(), quiet=quiet
        )
        self._task = self._bar.add_task("building", total=None)

    def __enter__(self) -> "_Listener":
        self._bar.start()
        return self

    def __exit__(self, *arguments: object) -> None:
        self._bar.stop()

    def node(self, result: NodeResult) -> None:
        if result.kind != "operation":  # those that run at the start and the end are counted by themselves
            self._bar.update(self._task, total=result.total, advance=1, description=result.name[:40])

    def note(self, text: str) -> None:
        if not self._quiet:
            typer.echo(text, err=True)
