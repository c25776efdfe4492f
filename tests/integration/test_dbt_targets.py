"""Targets with schemas of their own beside the database's: a developer's, a pull request's; by plain dbt."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import (
    TABLES,
    build,
    changed_tables,
    close_for_copying,
    copied_project,
    copy_of,
    dbt,
    marts,
    query,
    row_changes,
    tickmart,
)
from sqlalchemy import URL

from warehouse.database import connect, grant_roles
from warehouse.last_build import state_of_marts
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

BHAVCOPIES = PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy"
NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
SCHEMAS = "select nspname from pg_namespace where nspname like 'dev\\_anna\\_%' order by 1"
OFFICIAL_ROWS = "select * from {}intermediate.int_fo_bhavcopy__deduped"


def dev(command: str, *arguments: str | Path, status: int = 0, **environment: str) -> str:
    """Run plain dbt as a developer whose target puts dev_anna before its schemas."""
    # dbt keeps what it has parsed for one target only
    parsed = os.environ["DBT_TARGET_PATH"] + "-dev"
    done = dbt(
        command, *arguments, "--target", "dev", "--target-path", parsed,
        status=status, TICKMART_DEV_SCHEMA="dev_anna", **environment,
    )  # fmt: skip
    return done.stdout


def said(output: str) -> str:
    """What dbt has written, without the ends of its lines."""
    return " ".join(output.split())


@pytest.fixture(scope="module")
def built_once(built_database: URL) -> URL:
    """One bhavcopy, built and not priced."""
    tickmart("load", "nse-bhavcopy", BHAVCOPIES / "udiff_20240708.csv")
    build("--no-greeks")
    close_for_copying(built_database)
    return built_database


@pytest.fixture
def warehouse(built_once: URL) -> Iterator[URL]:
    """A copy of it, named by the environment."""
    with copy_of(built_once) as copy:
        yield copy


@pytest.fixture
def state(warehouse: URL, tmp_path: Path) -> Path:
    """What a run of the database's own target leaves for others to compare with and defer to."""
    dbt("parse", DBT_WRITE_JSON="true")
    folder = tmp_path / "state"
    folder.mkdir()
    shutil.copy(PROJECT_FOLDER / os.environ["DBT_TARGET_PATH"] / "manifest.json", folder)
    return folder


def test_a_target_of_its_own_builds_the_same_and_shares_nothing_but_what_landed(warehouse: URL) -> None:
    before, contents = row_changes(), marts()
    with connect() as connection:
        state_before = state_of_marts(connection)

    dev("build", *NO_TESTS)

    assert query(SCHEMAS) == [
        (f"dev_anna_{name}",) for name in ("audit", "enrichment", "facts", "intermediate", "marts", "staging")
    ]
    assert marts("dev_anna_") == {f"dev_anna_{name}": held for name, held in contents.items()}
    assert contents["marts.options_daily"][0] > 0
    written = {name for name in changed_tables(before, row_changes()) if not name.startswith("dev_anna_")}
    assert {name for name in written if not name.startswith("_timescaledb")} == {"audit.locks"}
    with connect() as connection:
        assert state_of_marts(connection) == state_before

    # the targets share neither Greeks nor the loads that a build takes in
    outcome = build()
    (landed,) = json.loads(
        tickmart("load", "nse-bhavcopy", "--json", BHAVCOPIES / "udiff_20240425.csv").stdout
    )
    dev("build", "--select", TABLES, *NO_TESTS)
    theirs, ours = (
        query(
            "select session_date::text, bool_or(greeks_status = 'ok'), bool_or(greeks_status = 'pending')"
            f" from {schema}.options_daily group by 1 order by 1"
        )
        for schema in ("dev_anna_marts", "marts")
    )
    standing = "select standing from {}.load_history where load_id = %s"

    assert (outcome["models"], outcome["greeks"]["ok"] > 0) == (0, True)
    assert theirs == [("2024-04-25", False, True), ("2024-07-08", False, True)]
    assert ours == [("2024-07-08", True, False)]
    assert query(standing.format("dev_anna_marts"), landed["load_id"]) == [("in the marts",)]
    assert query(standing.format("marts"), landed["load_id"]) == [("not built yet",)]


def test_empty_makes_tables_without_rows_that_the_next_build_fills(warehouse: URL) -> None:
    last_build = query("select * from audit.last_build")

    dev("build", "--empty", *NO_TESTS)
    dev("test", "--select", "int_symbols__parsed,test_type:unit")  # their grammars are the seeds' own

    tables = query(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname like 'dev\\_anna\\_%'"
    )
    assert {f"dev_anna_{name}" for name in (
        "facts.nse_holidays", "intermediate.int_sessions__dated", "intermediate.int_fo_bhavcopy__deduped",
        "audit.built_loads",
    )} <= {name for (name,) in tables}  # fmt: skip
    for (table,) in tables:
        if table != "dev_anna_audit.built_models":
            assert query(f"select count(*) from {table}") == [(0,)], table
    assert query("select * from audit.last_build") == last_build
    assert build("--no-greeks")["models"] == 0

    dev("build", "--select", "+int_fo_bhavcopy__deduped", *NO_TESTS)

    assert query("select count(*) from dev_anna_facts.nse_holidays") == query(
        "select count(*) from facts.nse_holidays"
    )
    assert query(f"select count(*) from ({OFFICIAL_ROWS.format('dev_anna_')}) as built") == query(
        f"select count(*) from ({OFFICIAL_ROWS.format('')}) as built"
    )

    # what is there stays
    dev("build", "--empty", "--select", "+int_fo_bhavcopy__deduped", *NO_TESTS)
    assert query(f"select count(*) from ({OFFICIAL_ROWS.format('dev_anna_')}) as built") == query(
        f"select count(*) from ({OFFICIAL_ROWS.format('')}) as built"
    )


def test_empty_is_refused_where_it_would_leave_marts_without_rows(warehouse: URL) -> None:
    before = row_changes()

    refused = dbt("build", "--empty", status=2).stdout

    assert "--empty builds tables without rows, and this target holds rows. Nothing was touched." in said(
        refused
    )
    assert row_changes() == before


def test_a_deferred_run_builds_what_is_selected_and_reads_the_rest(warehouse: URL, state: Path) -> None:
    tickmart("greeks")

    dev(
        "build",
        "--select",
        "int_fo_bhavcopy__deduped",
        "options_daily",
        "--defer",
        "--state",
        state,
        *NO_TESTS,
    )

    built = query(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema ~ '^dev_anna_(staging|intermediate|marts|facts)$' order by 1"
    )
    assert built == [("dev_anna_intermediate.int_fo_bhavcopy__deduped",), ("dev_anna_marts.options_daily",)]
    for rows in (OFFICIAL_ROWS, "select * from {}marts.options_daily"):
        assert query(f"select count(*) > 0 from ({rows.format('')}) as held") == [(True,)]
        assert query(
            f"select * from ({rows.format('')} except {rows.format('dev_anna_')}) as missing"
            f" union all select * from ({rows.format('dev_anna_')} except {rows.format('')}) as added"
        ) == []  # fmt: skip
    # contracts have the numbers of the database's own target, and so its Greeks
    assert ("ok",) in query("select distinct greeks_status from dev_anna_marts.options_daily")
    (reads,) = query("select pg_get_viewdef('dev_anna_marts.options_daily'::regclass)")[0]
    assert "intermediate.int_contracts__described" in reads
    assert "dev_anna_intermediate" in reads or "dev_anna_" not in reads


def test_only_what_has_changed_is_selected_by_state(warehouse: URL, state: Path, tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    changed = project / "models/marts/analysis/option_chain_daily.sql"
    changed.write_text(changed.read_text() + "\nwhere true\n")

    selected = dev(
        "ls", "--select", "state:modified+", "--state", state, "--resource-type", "model", "--output", "name",
        "--quiet", "--project-dir", project,
    )  # fmt: skip
    dev("run", "--select", "state:modified+", "--defer", "--state", state, "--project-dir", project)

    expected = [
        "atm_volatility", "atm_volatility_by_tenor", "gamma_exposure", "gamma_exposure_by_strike", "max_pain",
        "open_interest_profile", "option_chain_daily", "risk_reversals", "straddles", "volatility_premium",
        "volatility_smile",
    ]  # fmt: skip
    assert sorted(selected.split()) == expected
    assert query(
        "select table_name from information_schema.tables"
        " where table_schema ~ '^dev_anna_(staging|intermediate|marts|facts)$' order by 1"
    ) == [(name,) for name in expected]
    assert query("select count(*) > 0 from dev_anna_marts.max_pain") == [(True,)]


def test_rows_with_numbers_of_two_registries_are_never_joined(warehouse: URL, state: Path) -> None:
    deferring = ("--defer", "--state", state)
    dev("run", "--select", "int_contracts__registered", *deferring)

    refused = dev("run", "--select", "options_daily", *deferring, status=2)
    own_plan = dev("run", "--select", "int_symbols__parsed", *deferring, status=1)

    assert "other numbers than those that dev_anna has given out. Nothing was built." in said(refused)
    assert query("select to_regclass('dev_anna_marts.options_daily')::text") == [(None,)]
    assert "Select both: int_symbols__delivered int_symbols__parsed" in said(own_plan)


def test_another_targets_views_do_not_hold_up_a_build(warehouse: URL, state: Path) -> None:
    dev("run", "--select", "equity_daily", "--defer", "--state", state)
    with (
        connect() as connection,
        connection.cursor() as cursor,
    ):  # as a version with another column has left it
        cursor.execute(
            "alter table intermediate.int_equities__official_deduped add column was_there_before text"
        )

    run = dbt("run", "--select", "int_equities__official_deduped+").stdout

    assert "intermediate.int_equities__official_deduped is made anew" in said(run)
    assert query("select to_regclass('dev_anna_marts.equity_daily')::text") == [(None,)]
    dev("run", "--select", "equity_daily", "--defer", "--state", state)
    assert query("select count(*) from dev_anna_marts.equity_daily") == [(0,)]


def test_a_transformer_makes_a_target_of_its_own_and_drops_it_whole_and_alone(warehouse: URL) -> None:
    contents = marts()
    user = f"anna_of_{warehouse.database}"
    with connect() as connection, connection.cursor() as cursor:
        grant_roles(connection)  # a copy of a database does not have its right to make schemas
        cursor.execute("create schema dev_anna_notes")
        cursor.execute(f"create user {user} password 'a-word' in role tickmart_transformer")
    anna = {"TICKMART_DB_USER": user, "TICKMART_DB_PASSWORD": "a-word"}

    try:
        dev("seed", "--select", "nse_holidays", **anna)
        made = query(SCHEMAS)
        refused = dbt("run-operation", "drop_target", status=1).stdout
        dev("run-operation", "drop_target", **anna)
        left = query(SCHEMAS)
    finally:
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"drop owned by {user}; drop user {user}")

    assert [("dev_anna_facts",) in made, len(made)] == [True, 4]
    assert "is the database's own (schema: marts), which is not dropped" in said(refused)
    assert left == [("dev_anna_notes",)]
    assert query("select count(*) from audit.locks where name like '%%dev_anna%%'") == [(0,)]
    assert marts() == contents


def test_a_schema_that_cannot_stand_before_others_is_refused(warehouse: URL) -> None:
    refused = dbt("run", "--target", "dev", status=2, TICKMART_DEV_SCHEMA="Dev-Anna").stdout

    assert "has the schema Dev-Anna: it stands before the names of others" in said(refused)
    assert query("select count(*) from pg_namespace where nspname ilike 'dev-anna%%'") == [(0,)]
