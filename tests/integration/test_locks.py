"""Locks exclude those who do the same work, and nobody else can take them."""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest
from built_warehouse import query, tickmart
from sqlalchemy import URL

from loaders.landing import land
from loaders.landing.raw_tables import create_raw_tables
from loaders.sources import SOURCES
from warehouse import database as databases
from warehouse.database import connect, locks
from warehouse.dbt import NodeResult, build_lock, run_dbt
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

FIXTURES = PROJECT_FOLDER / "tests/fixtures"


@contextmanager
def as_user(database: URL, *roles: str) -> Iterator[psycopg2.extensions.connection]:
    """A connection of a user who may connect, and has these roles."""
    name = f"tickmart_test_{secrets.token_hex(4)}"
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            f"create user {name} password 'pass'" + (f" in role {', '.join(roles)}" if roles else "")
        )
    user = database.set(drivername="postgresql", username=name, password="pass")
    try:
        with closing(psycopg2.connect(user.render_as_string(hide_password=False))) as connection:
            yield connection
    finally:
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"drop user {name}")


@pytest.fixture
def stranger(database: URL) -> Iterator[psycopg2.extensions.connection]:
    """Somebody who may connect and nothing else, and who holds every advisory lock that there ever was."""
    with as_user(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_lock(key) from unnest(array[7412000, hashtextextended('tickmart build', 0),"
            " hashtextextended('tickmart model facts.exchanges', 0), 8388362698548176229]) as key"
        )
        cursor.execute("select pg_advisory_lock(7412, 1)")
        for table in {table.qualified for source in SOURCES.values() for table in source.raw_tables}:
            cursor.execute("select pg_advisory_lock(hashtext(%s))", (table,))
        connection.commit()
        yield connection


def test_who_may_only_connect_stops_no_work(
    database: URL, stranger: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    with connect() as connection:
        databases.migrate()
        databases.grant_roles(connection)
        connection.commit()
        create_raw_tables(connection)
    loaded = land("nse-bhavcopy", [FIXTURES / "nse-bhavcopy/udiff_20240708.csv"])
    assert [outcome.status for outcome in loaded.outcomes] == ["loaded"]

    tickmart("build", "--no-tests", "--no-greeks", "--select", "nse_holidays")
    with locks.held(locks.GREEKS, "another run of the Greeks"):
        assert query("select count(*) > 100 from facts.nse_holidays") == [(True,)]


@pytest.mark.parametrize("table", [locks.BUILD, locks.GREEKS, "audit.locks"])
@pytest.mark.parametrize("roles", [(), ("tickmart_analyst",)])
def test_who_may_not_write_may_not_lock(database: URL, roles: tuple[str, ...], table: str) -> None:
    with (
        as_user(database, *roles) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(f"lock table {table} in access share mode")


def test_a_loader_locks_what_he_loads_into_and_no_build(database: URL) -> None:
    with as_user(database, "tickmart_loader") as connection, connection.cursor() as cursor:
        assert locks.try_lock(cursor, "raw.nse_fo_bhavcopy")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"lock table {locks.BUILD} in exclusive mode")


def test_a_transformer_locks_the_build(database: URL) -> None:
    with as_user(database, "tickmart_transformer") as connection, connection.cursor() as cursor:
        cursor.execute(f"lock table {locks.BUILD} in exclusive mode nowait")
        cursor.execute("select pg_backend_pid(), current_user")
        pid, user = next(cursor)

        with pytest.raises(TickmartError) as refused, build_lock():
            pass

    assert str(refused.value).startswith(
        f"another build is running on this database: process {pid} (unnamed) of user {user} from 127.0.0.1,"
        " since 20"
    )
    assert str(refused.value).endswith(
        f". Wait for it, or end it: tickmart db psql -c 'select pg_terminate_backend({pid})'"
    )


def test_a_user_who_may_not_see_more_is_told_process_and_user(database: URL) -> None:
    with (
        as_user(database, "tickmart_transformer") as connection,
        connection.cursor() as cursor,
        build_lock(),
    ):
        pid = int(os.environ["TICKMART_BUILD_PID"])
        assert locks.holder(cursor, locks.BUILD) == pid
        assert locks.describe(cursor, pid).startswith(
            f"process {pid} of user {database.username}. Wait for it"
        )


def test_a_reader_takes_no_lock_and_is_told_so_by_the_database(database: URL) -> None:
    with as_user(database, "tickmart_analyst") as reader, pytest.MonkeyPatch.context() as patch:
        address = database.set(username=reader.info.user, password="pass")
        patch.setenv("TICKMART_DATABASE_URL", address.render_as_string(hide_password=False))
        settings.cache_clear()
        with (
            pytest.raises(psycopg2.errors.InsufficientPrivilege),
            locks.held("export s3://bucket/bars", "another export is writing"),
        ):
            pass
        patch.undo()
        settings.cache_clear()


def test_a_name_held_by_another_process_is_refused_with_who_it_is(database: URL) -> None:
    with (
        locks.held("export s3://bucket/bars", "another export is writing", "the nightly export") as process,
        pytest.raises(TickmartError) as refused,
        locks.held("export s3://bucket/bars", "another export is writing"),
    ):
        pass

    assert str(refused.value).startswith(
        f"another export is writing: process {process} (the nightly export) of user {database.username} from"
    )


def test_a_database_of_an_earlier_version_is_told_to_be_migrated(empty_database: URL) -> None:
    for lock in (locks.BUILD, "export s3://bucket/bars"):
        with pytest.raises(TickmartError, match="Run: tickmart db migrate"), locks.held(lock, "another"):
            pass


def test_a_held_lock_table_keeps_vacuum_from_nothing_and_outlives_timeouts(database: URL) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            f"alter database {database.database} set idle_in_transaction_session_timeout = '300ms'"
        )
        connection.commit()
        try:
            with build_lock():
                time.sleep(0.8)
                pid = int(os.environ["TICKMART_BUILD_PID"])
                cursor.execute(
                    "select state, backend_xid, backend_xmin from pg_stat_activity where pid = %s", (pid,)
                )
                assert cursor.fetchall() == [("idle in transaction", None, None)]
                assert locks.holder(cursor, locks.BUILD) == pid
                connection.commit()
        finally:
            cursor.execute(f"alter database {database.database} reset idle_in_transaction_session_timeout")
    with connect() as connection, connection.cursor() as cursor:
        assert locks.holder(cursor, locks.BUILD) is None


def test_a_name_is_locked_by_one_transaction_who_is_known(database: URL) -> None:
    with connect() as first, connect() as second, first.cursor() as ours, second.cursor() as theirs:
        assert locks.try_lock(ours, "raw.anything")
        first.commit()
        assert locks.try_lock(ours, "raw.anything")

        assert not locks.try_lock(theirs, "raw.anything")
        assert locks.try_lock(theirs, "raw.something_else")
        assert locks.name_holder(theirs, "raw.anything") == first.info.backend_pid

        first.commit()
        assert locks.name_holder(theirs, "raw.anything") is None
        assert locks.try_lock(theirs, "raw.anything")


def test_a_name_that_another_makes_for_the_first_time_is_taken(database: URL) -> None:
    with connect() as first, connect() as second, first.cursor() as ours, second.cursor() as theirs:
        assert locks.try_lock(ours, "raw.new")

        assert not locks.try_lock(theirs, "raw.new")
        second.rollback()

        first.commit()
        assert locks.try_lock(theirs, "raw.new")


def test_names_locked_in_passing_make_others_wait_and_leave_no_row(database: URL) -> None:
    done = threading.Event()

    def wait() -> None:
        with connect() as connection, connection.cursor() as cursor:
            locks.lock_in_passing(cursor, ["greeks A", "greeks B"])
            done.set()

    with connect() as connection, connection.cursor() as cursor:
        locks.lock_in_passing(cursor, ["greeks C", "greeks B"])
        other = threading.Thread(target=wait)
        other.start()
        assert not done.wait(0.5)
        connection.commit()
        assert done.wait(10)
        other.join()
        cursor.execute("select count(*) from audit.locks where name like 'greeks %'")
        assert cursor.fetchall() == [(0,)]


def test_the_first_migration_waits_no_longer_for_a_stranger_than_it_would_take(
    empty_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_LONGEST_FIRST_MIGRATION", 1)
    address = empty_database.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(7412000)")

        databases.migrate()

        cursor.execute("select to_regclass('audit.locks') is not null")
        assert cursor.fetchall() == [(True,)]


@pytest.mark.parametrize("name", ["model marts.options_ticks", "greeks NIFTY", "export s3://bucket/bars"])
def test_a_loader_locks_no_name_that_is_not_of_raw_tables(database: URL, name: str) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("insert into audit.locks (name) values (%s) on conflict do nothing", (name,))
    with as_user(database, "tickmart_loader") as connection, connection.cursor() as cursor:
        cursor.execute("select from audit.locks where name = %s for update", (name,))
        assert cursor.fetchall() == []
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            locks.try_lock(cursor, name)
    with as_user(database, "tickmart_transformer") as connection, connection.cursor() as cursor:
        assert locks.try_lock(cursor, name)


@pytest.mark.parametrize("table", ["audit.locks", "audit.alembic_version", "audit.built_loads"])
def test_a_loader_locks_no_table_of_builds_and_migrations(database: URL, table: str) -> None:
    with (
        as_user(database, "tickmart_loader") as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(f"lock table {table} in row exclusive mode")


def test_a_build_whose_lock_is_ended_stops_at_its_next_model(database: URL) -> None:
    ended = list[NodeResult]()

    def end_the_lock(node: NodeResult) -> None:
        if node.kind != "seed":
            return
        ended.append(node)
        if len(ended) == 1:
            with connect() as connection, connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(%s, 5000)", (locks.holder(cursor, locks.BUILD),))

    with (
        pytest.raises(TickmartError, match=r"the build lock is gone: its session, process [0-9]+, was ended"),
        build_lock(),
    ):
        run_dbt("seed", ["--threads", "1"], on_node=end_the_lock)

    assert (ended[0].status, ended[-1].status) == ("success", "error")
