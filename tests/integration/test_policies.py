"""What TimescaleDB's Community edition compresses, drops and refreshes by itself, and builds beside that.

On the server that TICKMART_TEST_COMMUNITY_URL names: PostgreSQL 16 or newer with TimescaleDB's Community
edition, and a user who may create databases and extensions.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import psycopg2
import pytest
from built_warehouse import build, change, database_on, dbt, query, tickmart
from sqlalchemy import URL

from sampledata.generate import write_sample
from warehouse.database import connect

pytestmark = pytest.mark.slow

ROLLUPS = {
    "int_options__bars_hourly",
    "int_futures__bars_hourly",
    "int_spot__prices_hourly",
    "int_options__bars_daily",
    "int_futures__bars_daily",
    "int_spot__prices_daily",
    "int_spot__official_daily",
    "int_series__listed",
    "int_options__snapshots_daily",
}
TABLES = {
    "int_equities__official_deduped",
    "int_fo_bhavcopy__deduped",
    "int_forwards__gathered_by_day",
    "int_forwards__gathered_by_minute",
    "int_forwards__gathered_by_snapshot",
    "int_futures__quotes_deduped",
    "int_options__quotes_deduped",
    "int_options__snapshots_deduped",
    "int_spot__closes_deduped",
    "int_spot__prices_deduped",
    "option_greeks",
    "option_greeks_coarse",
}
OPTIONS = "GFDLNFO_NIFTY_OPT_11082025.csv"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMPRESSED = {(name, "policy_compression", None, timedelta(days=60), None) for name in TABLES | ROLLUPS}
REFRESHED = {(name, "policy_refresh_continuous_aggregate", HOUR, 3 * DAY, DAY) for name in ROLLUPS}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = tmp_path_factory.mktemp("policies")
    write_sample(files, days=2, strikes=3, expiries=2, start=date(2025, 8, 11))
    return files


@pytest.fixture(scope="module")
def warehouse(community_server: URL, files: Path) -> Iterator[URL]:
    with database_on(community_server, f"tickmart_test_{os.getpid()}_policies") as url:
        tickmart("db", "migrate")
        tickmart("load", "nse-minute", files / "nse-minute")
        tickmart("load", "nse-bhavcopy", files / "nse-bhavcopy")
        build()
        yield url


def policies() -> set[tuple[object, ...]]:
    """Table, kind, interval of the refresh, and the ages from which (and up to which) it applies."""
    return set(
        query(
            """
            select
                -- TimescaleDB 2.19 names the table that stores an aggregate, later versions the aggregate
                coalesce(view_name, jobs.hypertable_name)::text,
                proc_name::text,
                case when proc_name like '%refresh%' then schedule_interval end,
                coalesce(
                    config ->> 'compress_after', config ->> 'drop_after', config ->> 'start_offset'
                )::interval,
                (config ->> 'end_offset')::interval
            from timescaledb_information.jobs
            left join timescaledb_information.continuous_aggregates
                on jobs.hypertable_name = materialization_hypertable_name
            where jobs.hypertable_name is not null
            """
        )
    )


def test_every_table_compresses_and_every_rollup_refreshes(warehouse: URL) -> None:
    assert policies() == COMPRESSED | REFRESHED


def test_a_second_build_sets_nothing_again(warehouse: URL) -> None:
    jobs = query(
        "select job_id from timescaledb_information.jobs where hypertable_name is not null order by 1"
    )

    build()

    assert jobs == query(
        "select job_id from timescaledb_information.jobs where hypertable_name is not null order by 1"
    )


def test_what_is_configured_otherwise_holds_from_the_next_build_on(warehouse: URL) -> None:
    selected = ("int_futures__quotes_deduped", "int_futures__bars_hourly")
    changed = (
        "{compress_after: 30 days, rollup_refresh_every: 20 minutes, rollup_refresh_from: 6, policies: {"
        "int_futures__quotes_deduped: {drop_after: 20 years, order_by: 'bar_start desc, session_date'},"
        "int_futures__bars_hourly: {compress_after: never}, option_greeks: {compress_after: 90 days}}}"
    )

    dbt("run", "--select", *selected, "--vars", changed)
    of_selected = {row for row in policies() if row[0] in {*selected, "option_greeks"}}
    ordered = query(
        "select orderby from timescaledb_information.hypertable_compression_settings"
        " where hypertable = 'intermediate.int_futures__quotes_deduped'::regclass"
    )
    dbt("run", "--select", *selected)

    assert of_selected == {
        ("int_futures__quotes_deduped", "policy_compression", None, timedelta(days=30), None),
        ("int_futures__quotes_deduped", "policy_retention", None, timedelta(days=20 * 365), None),
        ("int_futures__bars_hourly", "policy_refresh_continuous_aggregate", HOUR / 3, 6 * DAY, DAY),
        ("option_greeks", "policy_compression", None, timedelta(days=90), None),
    }
    assert ordered == [("bar_start DESC,session_date",)]
    assert policies() == COMPRESSED | REFRESHED


def test_policies_that_are_gone_come_back_with_the_next_build(warehouse: URL) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select delete_job(job_id) from timescaledb_information.jobs where hypertable_name is not null"
        )

    build()

    assert policies() == COMPRESSED | REFRESHED


def test_a_setting_that_there_is_not_is_named(warehouse: URL) -> None:
    done = dbt(
        *("run", "--select", "int_spot__prices_deduped", "--vars"),
        "{policies: {int_spot__prices_deduped: {compres_after: 1 day}}}",
        status=1,
    )

    assert (
        "policies of int_spot__prices_deduped: there is no compres_after; there are compress_after,"
        in done.stdout
    )


def test_a_build_beside_refreshes_waits_and_goes_on(warehouse: URL, files: Path) -> None:
    path = files / "nse-minute" / OPTIONS
    header, _vanished, *others = path.read_text().splitlines()
    path.write_text("\n".join([header, *others]) + "\n")
    tickmart("load", "nse-minute", path)

    with _refreshing("int_options__bars_hourly") as refreshes, _refreshing("int_options__bars_daily"):
        rebuilt = build()["rebuilt"]

    assert {"int_options__bars_hourly", "int_options__bars_daily"} <= {note.split()[0] for note in rebuilt}
    assert refreshes() >= 1
    assert _differences_of_the_hourly_rollup() == []


def test_a_restated_file_in_compressed_chunks_is_rebuilt_with_its_greeks(warehouse: URL, files: Path) -> None:
    path = files / "nse-minute" / OPTIONS
    header, _vanished, *others = path.read_text().splitlines()
    compressed = query(
        """
        with compressed as (
            select format('%I.%I', hypertable_schema, hypertable_name) as name
            from timescaledb_information.hypertables where compression_enabled
            union all
            select format('%I.%I', view_schema, view_name)
            from timescaledb_information.continuous_aggregates where compression_enabled
        )
        select split_part(name, '.', 2), bool_and(compress_chunk(chunk, true) is not null)
        from compressed
        cross join show_chunks(name::regclass) as chunk
        group by name
        """
    )
    path.write_text("\n".join([header, *others]) + "\n")
    tickmart("load", "nse-minute", path)
    # A limit that everything here exceeds, unless it is lifted.
    with _database_setting("timescaledb.max_tuples_decompressed_per_dml_transaction", 10):
        build()

    # All but those of sources that have no file here.
    assert {name for name, _ in compressed} == (TABLES | ROLLUPS) - {
        "int_equities__official_deduped",
        "int_forwards__gathered_by_snapshot",
        "int_options__snapshots_daily",
        "int_options__snapshots_deduped",
        "int_spot__closes_deduped",
    }
    assert _differences_of_the_hourly_rollup() == []
    assert query(
        "select count(*) from intermediate.int_options__quotes_deduped as bars"
        " full join (select * from enrichment.option_greeks where bar_interval = 'minute') as greeks"
        " using (contract_id, bar_start) where bars.contract_id is null or greeks.contract_id is null"
    ) == [(0,)]
    assert query(
        "select count(*) from marts.options_ticks where underlying = 'NIFTY' and greeks_status = 'pending'"
    ) == [(0,)]


def test_a_restored_database_goes_on_with_its_jobs(warehouse: URL, tmp_path: Path) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema tests")
        cursor.execute("create table tests.turns (at timestamptz)")
        cursor.execute(
            "create procedure tests.turn(job_id int, config jsonb) language sql as"
            " $$ insert into tests.turns values (clock_timestamp()) $$"
        )
        cursor.execute("select add_job('tests.turn', interval '1 second')")
    _wait_until(lambda: query("select count(*) from tests.turns")[0][0] > 0)
    before = policies()
    tickmart("db", "backup", tmp_path / "all.dump")
    # Later turns are not in the backup, so one that is found can only be of the restored database.
    moment = query("select clock_timestamp()")[0][0]

    tickmart("db", "restore", "--force", tmp_path / "all.dump")

    _wait_until(lambda: query("select count(*) from tests.turns where at > %s", moment)[0][0] > 0)
    assert policies() == before
    assert query(
        "select count(*) from timescaledb_information.jobs where owner <> current_user::regrole"
    ) == [(0,)]
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop schema tests cascade")


def test_a_backup_of_the_other_edition_says_which_server_it_needs(
    warehouse: URL, server_url: URL, tmp_path: Path
) -> None:
    tickmart("db", "backup", tmp_path / "community.dump")
    available = "select default_version from pg_available_extensions where name = 'timescaledb'"
    version = query("select extversion from pg_extension where extname = 'timescaledb'")[0][0]
    with database_on(server_url, f"tickmart_test_{os.getpid()}_apache"):
        of_the_same_version = query(available) == [(version,)]
        done = tickmart("db", "restore", tmp_path / "community.dump", status=1)
        tables = query("select count(*) from pg_tables where schemaname in ('audit', 'raw')")

    needs = (
        "has continuous aggregates or compressed rows and needs TimescaleDB's Community edition"
        if of_the_same_version
        else f"needs TimescaleDB {version}, with which it"
    )
    assert done.stderr.startswith(f"error: {tmp_path / 'community.dump'} {needs}")
    assert done.stderr.count("\n") == 1
    assert tables == [(0,)]
    assert warehouse


def _differences_of_the_hourly_rollup() -> list[tuple[object, ...]]:
    return query(
        """
        with wanted as (
            select
                contract_id,
                hour_start as bar_start,
                max(high) as high,
                sum(volume)::bigint as volume,
                count(*) as bars
            from intermediate.int_options__quotes_deduped
            group by 1, 2
        ),
        found as (
            select contract_id, bar_start, high, volume, bars from intermediate.int_options__bars_hourly
        )
        (table wanted except table found) union all (table found except table wanted)
        """
    )


@contextmanager
def _refreshing(rollup: str) -> Iterator[Callable[[], int]]:
    """Refresh a continuous aggregate again and again, each time with something to do, as a person may."""
    done, stop = [0], threading.Event()

    def refresh() -> None:
        with psycopg2.connect(os.environ["TICKMART_DATABASE_URL"].replace("+psycopg2", "")) as connection:
            connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.is_set():
                try:
                    cursor.execute(
                        f"call refresh_continuous_aggregate('intermediate.{rollup}', null, null, true)"
                    )
                    done[0] += 1
                except psycopg2.Error:  # the build was quicker
                    stop.wait(0.01)
        connection.close()

    thread = threading.Thread(target=refresh)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        stop.set()
        thread.join()


@contextmanager
def _database_setting(name: str, value: object) -> Iterator[None]:
    database = query("select current_database()")[0][0]
    change(f'alter database "{database}" set {name} = {value}')
    try:
        yield
    finally:
        change(f'alter database "{database}" reset {name}')


def _wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds * 5)):
        if is_so():
            return
        waiting.wait(0.2)
    raise AssertionError(f"not within {seconds} seconds")
