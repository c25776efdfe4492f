"""Bring the marts and their Greeks up to date."""

from collections import Counter
from dataclasses import dataclass, field

from prefect import get_run_logger, task

from greeks.enrich import compute_due
from loaders.landing.raw_tables import create_raw_tables
from warehouse.database import connect, migrate
from warehouse.dbt import build_lock, run_dbt
from warehouse.last_build import build_what_is_due
from warehouse.logs import log_to_stderr


@dataclass(frozen=True)
class Built:
    """What a build has done.

    Attributes
    ----------
    nodes : Counter of str
        dbt's nodes by kind.
    rebuilt : list of str
        Which models rebuilt which slices.
    """

    nodes: Counter[str] = field(default_factory=Counter)
    rebuilt: list[str] = field(default_factory=list)


# No timeout and no retry by Prefect: both would start a second dbt beside one that still runs.
@task
def build(tests: bool) -> Built:
    """Run the due part of `dbt build` under the build lock of the database, as `tickmart build` does.

    Raises
    ------
    TickmartError
        A model or a test failed, or somebody else is building.
    """
    log = get_run_logger()
    migrate()
    run = build_what_is_due(_make_raw_tables, tests=tests, on_note=log.info)
    for warning in run.warnings:
        log.warning(warning)
    return Built(Counter(node.kind for node in run.nodes), run.notes)


def _make_raw_tables() -> None:
    with connect() as connection:
        create_raw_tables(connection)


@task
def check_whole_tables() -> int:
    """Run dbt's tests over everything that is stored; those of a build look at the newest sessions.

    Returns
    -------
    int
        How many tests passed, including those that only warn.

    Raises
    ------
    TickmartError
        A test failed, or somebody is building.
    """
    with build_lock():
        run = run_dbt(
            "test",
            ["--exclude", "test_type:unit"],
            environment={"TICKMART_TEST_WHOLE_TABLES": "1"},
        )
    return sum(node.kind == "test" for node in run.nodes)


@task
def price() -> Counter[str]:
    """Compute the Greeks that are due.

    Returns
    -------
    Counter of str
        Rows written by status.
    """
    log_to_stderr()
    outcome = compute_due()
    get_run_logger().info(
        "Greeks of %s rows in %s slices, %s slices removed",
        f"{outcome.rows:,}",
        f"{outcome.slices:,}",
        f"{outcome.removed:,}",
    )
    return outcome.statuses
