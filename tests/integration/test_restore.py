"""`tickmart db backup` and `tickmart db restore` where something is in the way."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
from built_warehouse import database_on, query, tickmart
from sqlalchemy import URL
from warm_python.interpreter import COLD

from loaders.sources import SOURCES
from warehouse.database import backup, connect, locks
from warehouse.database.archive import read_archive
from warehouse.database.restore import beside, name_prefix, nobody_else
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

# A place for a mark that every restore takes away with the database that it replaces.
_MARK = "create table public.mark (n int); insert into public.mark values (1)"
_MARKS = "select count(*) from pg_tables where schemaname = 'public' and tablename = 'mark'"


@pytest.fixture(scope="module")
def whole_backup(database: URL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "all.dump"
    backup.back_up(file)
    return file


def execute(statement: str) -> None:
    with connect() as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def databases_like(pattern: str) -> list[str]:
    return [
        name for (name,) in query("select datname from pg_database where datname ~ %s order by 1", pattern)
    ]


def copies_of(database: str | None) -> list[str]:
    assert database is not None
    return databases_like(f"^{name_prefix(database)}")


@pytest.fixture
def marked(fresh_database: URL) -> URL:
    """A database in use, in which a refused restore must change nothing."""
    execute(_MARK)
    return fresh_database


@pytest.mark.parametrize("length", [62, 63])
def test_a_database_with_the_longest_name_is_restored(
    server_url: URL, whole_backup: Path, length: int
) -> None:
    name = f"tickmart_test_{os.getpid()}_".ljust(length, "n")
    with database_on(server_url, name):
        tickmart("db", "migrate")
        execute(_MARK)

        tickmart("db", "restore", "--force", whole_backup)

        assert query("select current_database()") == [(name,)]
        assert query(_MARKS) == [(0,)]
        assert copies_of(name) == []


def test_databases_of_others_with_such_names_are_left_alone(marked: URL, whole_backup: Path) -> None:
    others = [
        f"{marked.database}_restoring",
        f"{marked.database}_before_restore",
        f"tickmart_restore_{marked.database}_copy",
    ]
    for name in others:
        execute(f"create database {name} template template0")
    try:
        tickmart("db", "restore", "--force", whole_backup)

        assert [name for name in others if databases_like(f"^{name}$")] == others
        assert query(_MARKS) == [(0,)]
    finally:
        for name in others:
            execute(f"drop database {name}")


def test_a_restore_killed_midway_changes_nothing_and_the_next_one_clears_up(
    marked: URL, whole_backup: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tickmart", "db", "restore", "--force", str(whole_backup)], cwd=PROJECT_FOLDER
    )
    waiting = threading.Event()
    while not copies_of(marked.database):
        assert process.poll() is None
        waiting.wait(0.01)
    waiting.wait(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert query(_MARKS) == [(1,)]
    assert len(copies_of(marked.database)) == 1

    tickmart("db", "restore", "--force", whole_backup)

    assert query(_MARKS) == [(0,)]
    assert copies_of(marked.database) == []


def test_the_backup_of_another_database_is_refused_before_anything_is_made(
    marked: URL, server_url: URL, tmp_path: Path
) -> None:
    with database_on(server_url, f"{marked.database}_plain"):
        execute("create table prices (close numeric)")
        backup.back_up(tmp_path / "plain.dump")
        execute("create extension timescaledb")
        execute("create schema audit; create table audit.alembic_version (version_num text)")
        backup.back_up(tmp_path / "alike.dump")

    plain = tickmart("db", "restore", "--force", tmp_path / "plain.dump", status=1)
    alike = tickmart("db", "restore", "--force", tmp_path / "alike.dump", status=1)

    assert plain.stderr == (
        f"error: {tmp_path / 'plain.dump'} is no backup of a tickmart database: it has no rows of "
        "audit.alembic_version, audit.loads, audit.rejects, audit.built_loads, audit.loads_to_build, "
        "audit.slices_to_build, enrichment.option_greeks, enrichment.greeks_slices\n"
    )
    assert "it has no rows of audit.loads, audit.rejects," in alike.stderr
    assert query(_MARKS) == [(1,)]


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (
            "update audit.alembic_version set version_num = '9999'",
            "was made by another tickmart (its migration 9999 is unknown here). Update this checkout.",
        ),
        (
            "delete from audit.alembic_version",
            "is no backup of a tickmart database: it has no migration in audit.alembic_version",
        ),
        (
            "update _timescaledb_catalog.metadata set value = '2.99.1' where key = 'timescaledb_version'",
            "needs TimescaleDB 2.99.1, with which it was made; this server has ",
        ),
    ],
)
def test_a_backup_that_cannot_be_restored_here_says_why(
    marked: URL, server_url: URL, tmp_path: Path, statement: str, complaint: str
) -> None:
    with database_on(server_url, f"{marked.database}_other"):
        tickmart("db", "migrate")
        execute(statement)
        backup.back_up(tmp_path / "other.dump")

    done = tickmart("db", "restore", "--force", tmp_path / "other.dump", status=1)

    assert done.stderr.startswith(f"error: {tmp_path / 'other.dump'} {complaint}")
    assert done.stderr.count("\n") == 1
    assert query(_MARKS) == [(1,)]


@pytest.mark.parametrize("part", [0.03, 0.99])
def test_a_cut_backup_leaves_the_database_as_it_was(
    marked: URL, whole_backup: Path, tmp_path: Path, part: float
) -> None:
    whole = whole_backup.read_bytes()
    (tmp_path / "cut.dump").write_bytes(whole[: int(len(whole) * part)])

    done = tickmart("db", "restore", "--force", tmp_path / "cut.dump", status=1)

    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert query(_MARKS) == [(1,)]
    assert copies_of(marked.database) == []


def test_a_restore_waits_for_no_build_and_says_who_builds(marked: URL, whole_backup: Path) -> None:
    with locks.held(locks.BUILD, "another build") as pid:
        done = tickmart("db", "restore", "--force", whole_backup, status=1)

    assert f"another build is running on this database: process {pid} " in done.stderr
    assert query(_MARKS) == [(1,)]
    assert copies_of(marked.database) == []


def test_a_second_restore_of_the_same_database_is_told_of_the_first(marked: URL, whole_backup: Path) -> None:
    with beside(whole_backup, replace=True):
        done = tickmart("db", "restore", "--force", whole_backup, status=1)

    assert done.stderr.startswith(
        f"error: another restore of database {marked.database} is at work: process "
    )
    assert f"of user {marked.username}" in done.stderr


def test_who_is_connected_is_sent_away(marked: URL, whole_backup: Path) -> None:
    address = marked.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("select * from public.mark")  # and leaves its transaction open

        tickmart("db", "restore", "--force", whole_backup)

        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("select 1")
    assert query(_MARKS) == [(0,)]


def test_only_a_superuser_restores(marked: URL, whole_backup: Path) -> None:
    user = f"creator_of_{marked.database}"
    execute(f"create user {user} createdb password 'a-word'")
    try:
        address = marked.set(drivername="postgresql", username=user, password="a-word")
        done = tickmart(
            *("db", "restore", "--force", whole_backup),
            status=1,
            TICKMART_DATABASE_URL=address.render_as_string(hide_password=False),
        )
    finally:
        execute(f"drop user {user}")

    assert f"and {user} is none. Name one in TICKMART_DATABASE_URL." in done.stderr


def test_a_backup_is_written_to_a_regular_file_only(database: URL, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to-null").symlink_to(os.devnull)
    refused = {
        place: tickmart("db", "backup", place, status=1).stderr
        for place in (os.devnull, tmp_path / "pipe", tmp_path / "folder", tmp_path / "to-null", "", ".")
    }
    missing = tickmart("db", "backup", tmp_path / "none/all.dump", status=1).stderr

    regular = ": a backup is written to a regular file, which it replaces\n"
    assert refused == {
        os.devnull: f"error: {os.devnull} is a device{regular}",
        tmp_path / "pipe": f"error: {tmp_path / 'pipe'} is a named pipe{regular}",
        tmp_path / "folder": f"error: {tmp_path / 'folder'} is a folder{regular}",
        tmp_path / "to-null": f"error: {tmp_path / 'to-null'} is a device{regular}",
        "": f"error: . is a folder{regular}",
        ".": f"error: . is a folder{regular}",
    }
    assert (
        missing == f"error: there is no folder {tmp_path / 'none'} for all.dump: make it, or name another\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe", "to-null"]
    assert Path(os.devnull).is_char_device()


def test_a_backup_follows_a_link_and_takes_the_longest_names(database: URL, tmp_path: Path) -> None:
    longest = tmp_path / ("n" * 255)
    (tmp_path / "link").symlink_to(longest)

    tickmart("db", "backup", tmp_path / "link")

    assert longest.read_bytes().startswith(b"PGDMP")
    assert (tmp_path / "link").is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


RAW = sorted({table.qualified for source in SOURCES.values() for table in source.raw_tables})


def test_a_restore_waits_for_no_load_and_says_who_loads(marked: URL, whole_backup: Path) -> None:
    table = RAW[-1]
    with connect() as connection, connection.cursor() as cursor:
        assert locks.try_lock(cursor, table)
        connection.commit()  # others know of a name once it has been locked before
        assert locks.try_lock(cursor, table)
        done = tickmart("db", "restore", "--force", whole_backup, status=1)
        pid = connection.info.backend_pid

    assert f"error: a load into {table} is at work: process {pid} " in done.stderr
    assert query(_MARKS) == [(1,)]
    assert copies_of(marked.database) == []


def test_a_load_that_begins_during_a_restore_waits_and_then_says_that_nothing_landed(
    fresh_database: URL,
) -> None:
    file = PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy/udiff_20240708.csv"
    with nobody_else(RAW):
        loading = subprocess.Popen(
            [sys.executable, "-m", "tickmart", "load", "nse-bhavcopy", str(file)],
            cwd=PROJECT_FOLDER, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        waiting = threading.Event()
        while query("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") == [(0,)]:
            assert loading.poll() is None
            waiting.wait(0.05)
    _, errors = loading.communicate(timeout=60)

    assert loading.returncode == 1
    assert "the database went away while udiff_20240708.csv was landing" in errors
    assert query("select count(*) from audit.loads") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [
        "insert into audit.loads (source, dataset, uri, status, started_at, finished_at)"
        " values ('nse-cash', 'cash_bhavcopy', 'file:///new.csv', 'loaded', now(), now())",
        "update audit.loads set unloaded_at = now()",
    ],
)
def test_what_came_in_since_a_restore_began_is_not_replaced(
    marked: URL, whole_backup: Path, change: str
) -> None:
    execute(
        "insert into audit.loads (source, dataset, uri, status, started_at, finished_at)"
        " values ('nse-cash', 'cash_bhavcopy', 'file:///old.csv', 'loaded', now(), now())"
    )
    with beside(whole_backup, replace=True) as copy:
        execute(change)
        with pytest.raises(TickmartError, match=f"^database {marked.database} was written to while "):
            copy.take_place()

    assert query(_MARKS) == [(1,)]


def test_an_empty_database_that_was_filled_since_a_restore_began_is_not_replaced(
    whole_backup: Path, empty_database: URL
) -> None:
    with beside(whole_backup, replace=False) as copy:
        execute(_MARK)
        with pytest.raises(TickmartError, match=" was written to while "):
            copy.take_place()

    assert query(_MARKS) == [(1,)]


def test_a_former_database_that_cannot_be_dropped_is_named_and_the_jobs_run(
    marked: URL, server_url: URL, whole_backup: Path
) -> None:
    execute("create subscription keeper connection 'dbname=none' publication none with (connect = false)")

    done = tickmart("db", "restore", "--force", whole_backup)
    try:
        (former,) = copies_of(marked.database)
        assert done.stderr.startswith(f"note: database {former} could not be dropped: ")
        assert "is being used by logical replication subscription" in done.stderr
        assert query(_MARKS) == [(0,)]
        deadline = time.monotonic() + 60
        while not query(
            "select from pg_stat_activity where datname = current_database()"
            " and backend_type = 'TimescaleDB Background Worker Scheduler'"
        ):
            assert time.monotonic() < deadline, "no background jobs"
            time.sleep(0.1)
    finally:
        with connect(server_url.set(database=former)) as connection, connection.cursor() as cursor:
            cursor.execute("alter subscription keeper set (slot_name = none)")
            cursor.execute("drop subscription keeper")
        execute(f"drop database {former} with (force)")


def test_jobs_with_any_character_in_their_settings_are_read_from_a_backup(
    marked: URL, tmp_path: Path
) -> None:
    [(jobs,)] = query(
        "select coalesce(to_regclass('_timescaledb_catalog.bgw_job'), '_timescaledb_config.bgw_job')::text"
    )
    # those below 1000 are the extension's own, which no backup has
    execute(
        f"insert into {jobs} select (jsonb_populate_record(job, '{{\"id\": 1000}}'"
        f" || jsonb_build_object('config', U&'\\2028 \\0085'))).* from {jobs} as job limit 1"
    )
    backup.back_up(tmp_path / "all.dump")

    with connect() as connection:
        program = backup.client_program("pg_restore", connection.server_version // 10_000)
    archive = read_archive(tmp_path / "all.dump", program)

    assert archive.job_owners == {marked.username}


def test_a_killed_backup_ends_its_pg_dump_and_the_next_removes_what_it_left(
    fresh_database: URL, tmp_path: Path
) -> None:
    command = [COLD, "-m", "tickmart", "db", "backup", str(tmp_path / "all.dump")]
    of_another = tmp_path / ".tickmart-backup-another"
    with connect() as connection, connection.cursor() as cursor, of_another.open("w") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        cursor.execute("lock table audit.loads in access exclusive mode")  # for which pg_dump waits
        backing_up = subprocess.Popen(command, cwd=PROJECT_FOLDER)
        while not query(
            "select from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'"
        ):
            assert backing_up.poll() is None
            time.sleep(0.05)
        (pg_dump,) = psutil.Process(backing_up.pid).children()
        shown = " ".join(pg_dump.cmdline())
        backing_up.kill()
        backing_up.wait()
        psutil.wait_procs([pg_dump], 20)
        is_running = pg_dump.is_running()
        left = len([*tmp_path.iterdir()])
        connection.rollback()

        tickmart("db", "backup", tmp_path / "all.dump")

        assert "pg_dump" in shown
        assert str(fresh_database.password) not in shown
        assert not is_running
        assert left == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == [of_another.name, "all.dump"]
