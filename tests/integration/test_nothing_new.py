"""A build with nothing due does not start dbt; whatever may change what a build does makes it run."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from built_warehouse import (
    build,
    change,
    changed_tables,
    close_for_copying,
    copy_of,
    query,
    row_changes,
    tickmart,
)
from sqlalchemy import URL

from warehouse.dbt import NodeResult
from warehouse.errors import TickmartError
from warehouse.last_build import build_what_is_due, compute_greeks_if_due
from warehouse.settings import PROJECT_FOLDER, settings

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
# The calendar of this project ends with 2026: thirty days before, a build says so.
NEAR_THE_END = {"TICKMART_TODAY": "2026-12-01"}
HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"


class DbtWouldStartError(Exception):
    """Raised in the place where a build begins."""


@pytest.fixture(scope="module")
def built_once(database: URL) -> URL:
    """A built database that only copies are made of."""
    tickmart("load", "nse-bhavcopy", FIXTURES / "nse-bhavcopy/udiff_20240708.csv")
    tickmart("build")
    close_for_copying(database)
    return database


@pytest.fixture
def warehouse(built_once: URL) -> Iterator[URL]:
    """A copy of it as the build left it, named by the environment."""
    with copy_of(built_once) as copy:
        yield copy


def dbt_would_start(tests: bool = True) -> bool:
    try:
        build_what_is_due(_would_start, tests=tests)
    except DbtWouldStartError:
        return True
    return False


def _would_start() -> None:
    raise DbtWouldStartError


def minutes(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def test_a_build_with_nothing_new_starts_no_dbt_and_writes_nothing(warehouse: URL) -> None:
    before = row_changes()

    outcome = json.loads(tickmart("build", "--json").stdout)
    told = tickmart("build").stdout.splitlines()

    assert outcome["models"] == outcome["tests"] == 0
    assert (outcome["rebuilt"], outcome["sources"], outcome["greeks"]) == ([], [], {})
    assert told[0].endswith("nothing new")
    assert told[-1] == "Greeks: nothing due"
    assert changed_tables(before, row_changes()) == set()


def test_it_tells_again_what_the_last_build_warned_of(warehouse: URL) -> None:
    tickmart("build", **NEAR_THE_END)

    second = json.loads(tickmart("build", "--json", **NEAR_THE_END).stdout)

    assert second["models"] == 0
    assert [warning.split(":")[0] for warning in second["warnings"]] == [
        "1 test warns",
        "the calendar of NSE sessions ends in 30 days, on 2026-12-31",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "drop view marts.options_daily cascade",
        "create or replace view marts.interest_rates as select * from marts.interest_rates where false",
        "alter table intermediate.int_fo_bhavcopy__deduped drop column close cascade",
        "alter table intermediate.int_loads__slices drop constraint int_loads__slices_pkey",
        "revoke select on marts.options_daily from tickmart_analyst",
        "comment on table facts.nse_holidays is null",
        "drop function intermediate.black_scholes_price",
        "delete from audit.built_loads where model = 'int_fo_bhavcopy__deduped'",
        "update audit.built_models set rules = '' where model = 'int_fo_bhavcopy__deduped'",
        "update audit.loads set unloaded_at = now()",
        "update audit.alembic_version set version_num = '0011'",
    ],
)
def test_what_somebody_changed_is_built_again(warehouse: URL, statement: str) -> None:
    assert not dbt_would_start()

    change(statement)

    assert dbt_would_start()


def test_a_load_that_landed_or_went_is_due_and_one_that_failed_is_not(warehouse: URL, tmp_path: Path) -> None:
    unknown = tmp_path / "unknown.csv"
    unknown.write_text("a,b\n1,2\n")
    tickmart("load", "nse-minute", unknown, status=1)
    tickmart("greeks")
    change("analyze")
    assert query("select count(*) from audit.loads where status = 'failed'") == [(1,)]
    assert not dbt_would_start()

    tickmart(
        "load",
        "nse-minute",
        minutes(tmp_path, "new.csv", "NIFTY-I.NFO,08/07/2024,09:15:59,100,101,99,100.5,75,1000"),
    )
    assert dbt_would_start()

    [(load_id,)] = query("select max(load_id) from audit.current_loads")
    tickmart("unload", str(load_id))
    assert dbt_would_start()  # nothing of it was built, but a build decides that


def test_what_was_built_without_tests_is_tested_by_the_next_build_that_runs_them(warehouse: URL) -> None:
    change("update audit.last_build set project = 'of an earlier version'")
    build()

    assert not dbt_would_start(tests=False)
    assert dbt_would_start(tests=True)
    assert json.loads(tickmart("build", "--json").stdout)["tests"] > 0
    assert not dbt_would_start(tests=True)


def test_a_part_of_a_build_leaves_the_whole_due(warehouse: URL) -> None:
    outcome = build("--select", "options_daily")

    assert outcome["models"] == 1
    assert dbt_would_start()


def test_a_build_that_failed_leaves_all_due(warehouse: URL, tmp_path: Path) -> None:
    tickmart(
        "load",
        "nse-minute",
        minutes(tmp_path, "new.csv", "NIFTY-I.NFO,08/07/2024,09:15:59,100,101,99,100.5,75,1000"),
    )
    # a line that landed and is in no mart, nor among the rows that have a reason for that
    change("update audit.loads set rows = rows + 1 where load_id = (select max(load_id) from audit.loads)")

    failed = tickmart("build", status=1)

    assert "failed" in failed.stderr
    assert dbt_would_start()


def _interrupt(node: NodeResult) -> None:
    raise KeyboardInterrupt


def _leave_something_due(node: NodeResult) -> None:
    if node.done == node.total:
        change("insert into audit.left_due (model) values ('a model')")


@pytest.mark.parametrize("at_a_node", [_interrupt, _leave_something_due])
def test_a_build_that_ended_before_all_was_done_is_followed_by_another(
    warehouse: URL, at_a_node: Callable[[NodeResult], None]
) -> None:
    change("update audit.last_build set project = 'of an earlier version'")
    with suppress(KeyboardInterrupt):
        build_what_is_due(lambda: None, tests=False, on_node=at_a_node)

    assert dbt_would_start(tests=False)


def test_a_load_that_lands_while_dbt_runs_is_due_afterwards(warehouse: URL, tmp_path: Path) -> None:
    change("update audit.last_build set project = 'of an earlier version'")
    file = minutes(tmp_path, "late.csv", "NIFTY-I.NFO,08/07/2024,09:15:59,100,101,99,100.5,75,1000")
    landed = False

    def land(node: NodeResult) -> None:
        nonlocal landed
        if not landed and node.kind == "model":
            landed = True
            tickmart("load", "nse-minute", file)

    build_what_is_due(lambda: None, tests=False, on_node=land)

    assert landed
    assert dbt_would_start(tests=False)


def test_greeks_are_computed_without_dbt_where_they_alone_are_due(
    warehouse: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    change("update audit.last_build set project = 'of an earlier version'")
    change("delete from enrichment.greeks_slices")
    tickmart("build", "--no-tests", "--no-greeks")

    outcome = build()

    assert outcome["models"] == 0
    assert sum(outcome["greeks"].values()) > 0
    nothing_built = build_what_is_due(_would_start, tests=False)
    assert compute_greeks_if_due(nothing_built, lambda: "called") is None
    monkeypatch.setenv("TICKMART_SECOND_ORDER_GREEKS", "false")
    settings.cache_clear()
    assert compute_greeks_if_due(nothing_built, lambda: "called") == "called"


def test_a_second_build_is_refused_while_one_runs_also_where_nothing_is_due(warehouse: URL) -> None:
    def build_beside(node: NodeResult) -> None:
        with pytest.raises(TickmartError, match="another build is running on this database"):
            build_what_is_due(_would_start)
        raise KeyboardInterrupt

    change("update audit.last_build set project = 'of an earlier version'")
    with pytest.raises(KeyboardInterrupt):
        build_what_is_due(lambda: None, tests=False, on_node=build_beside)
