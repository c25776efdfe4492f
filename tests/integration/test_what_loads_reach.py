"""A build after loads of one source runs what they reach, and leaves what plain dbt would leave."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import (
    TABLES,
    build,
    changed_tables,
    close_for_copying,
    copy_of,
    dbt,
    marts,
    query,
    row_changes,
    tickmart,
)
from sqlalchemy import URL

from loaders.sources import SOURCES
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
# By source: what the built database holds, and the file that comes next.
FILES = {
    "nse-bhavcopy": ("udiff_20240425.csv", "udiff_20240708.csv"),
    "nse-cash": ("udiff.csv", "full.csv"),
    "nse-index": ("closes.csv", "closes_of_the_next_day.csv"),
    "nse-minute": ("futures.csv", "options.csv"),
    "nse-option-chain": ("api.json", "api_v3.json"),
    "kite-instruments": ("excerpt.csv", "excerpt.csv"),
    "csv": ("daily.csv", "minutes.csv"),
}
SAID = {"csv": ("--symbol", "AAPL", "--exchange", "NASDAQ")}
AS_OF = {"kite-instruments": ("2025-10-08", "2025-10-09")}


@pytest.fixture(scope="module")
def built_once(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> URL:
    """A database with a file of every source; only copies are made of it."""
    assert FILES.keys() | {"parquet"} == SOURCES.keys()  # Parquet lands where CSV does
    for source in FILES:
        load(source, 0, tmp_path_factory.mktemp("vendor"))
    tickmart("build", "--no-tests")
    close_for_copying(built_database)
    return built_database


@pytest.fixture
def warehouse(built_once: URL) -> Iterator[URL]:
    """A copy of it, named by the environment."""
    with copy_of(built_once) as copy:
        yield copy


def load(source: str, place: int, folder: Path) -> None:
    path = FIXTURES / source / FILES[source][place]
    if not path.exists():
        day = (FIXTURES / source / FILES[source][0]).read_text().replace("26-03-2025", "27-03-2025")
        path = folder / FILES[source][place]
        path.write_text(day)
    as_of = ["--as-of", AS_OF[source][place]] if source in AS_OF else []
    tickmart("load", source, path, *as_of, *SAID.get(source, ()))


def plain_dbt_run(*selected: str) -> None:
    target = PROJECT_FOLDER / os.environ["DBT_TARGET_PATH"]
    dbt("run", *selected, "--target-path", str(target), "--log-path", str(target / "logs"))


@pytest.mark.parametrize("source", FILES)
def test_plain_dbt_finds_nothing_to_do_after_a_build_of_what_a_load_reaches(
    warehouse: URL, tmp_path: Path, source: str
) -> None:
    load(source, 1, tmp_path)

    outcome = build("--no-greeks")

    assert 0 < outcome["models"] < 60  # of twice as many, most of which are views
    [(load_id,)] = query("select max(load_id) from audit.loads")
    assert query("select count(*) > 0 from audit.built_loads where load_id = %s", load_id) == [(True,)]
    contents, before = marts(), row_changes()
    # views have no rows, but note rules and what is due: they run for one source
    plain_dbt_run(*([] if source == "nse-bhavcopy" else ["--select", TABLES]))
    assert changed_tables(before, row_changes()) == set()
    assert marts() == contents


def test_a_load_that_is_taken_back_is_taken_out_of_what_it_reached(warehouse: URL) -> None:
    before = marts()["marts.options_daily"]
    [(load_id,)] = query("select load_id from audit.loads where source = 'nse-bhavcopy'")
    tickmart("unload", str(load_id))

    outcome = build("--no-greeks")

    assert 0 < outcome["models"] < 60
    assert before[0] > marts()["marts.options_daily"][0] == 0


def test_a_build_that_lets_others_build_again_builds_those_too(warehouse: URL, tmp_path: Path) -> None:
    # a model that evaluates loads again does so where rows were quarantined for one of its reasons
    [(load_id,)] = query("select load_id from audit.loads where source = 'nse-minute'")
    query(
        "insert into intermediate.int_quotes__set_aside"
        " select (jsonb_populate_record(null::intermediate.int_quotes__set_aside, jsonb_build_object("
        " 'load_id', %s, 'line', 1, 'outcome', 'quarantined',"
        " 'reason', 'terms differ from the contract of that symbol'))).* returning load_id",
        load_id,
    )
    load("nse-bhavcopy", 1, tmp_path)

    outcome = build("--no-greeks")

    assert outcome["models"] > 100
    contents, before = marts(), row_changes()
    plain_dbt_run()
    assert changed_tables(before, row_changes()) == set()
    assert marts() == contents
