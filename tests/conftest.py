"""A real TimescaleDB for the tests, and a fresh, migrated database wherever one is asked for."""

import fcntl
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from built_warehouse import tickmart
from sqlalchemy import URL, make_url
from warm_python.interpreter import PYTHON

from loaders.landing.raw_tables import create_raw_tables
from warehouse import database as databases
from warehouse import server
from warehouse.settings import PROJECT_FOLDER, settings

TEST_STATE_FOLDER = PROJECT_FOLDER / ".tickmart/test"
# The process that was started; if several run side by side, the one that gives them their work.
THIS_RUN = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()

# Files of a minute and more, the longest first; that one waits more than it works.
SLOWEST = (
    "test_flows", "test_documents", "test_incremental", "test_exporters", "test_dbt_targets",
    "test_what_loads_reach", "test_nothing_new", "test_evaluated_again", "test_server", "test_enrich",
    "test_benchmarks", "test_upgrades",
)  # fmt: skip

# A day on which the calendar of the seeds reaches far enough ahead for nothing to be said of it.
TODAY = "2026-06-15"

_numbers_in_use: set[int] = set()


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: they wait for servers, too."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, so that no process is left with one when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(
        key=lambda item: (
            SLOWEST.index(item.path.stem)
            if item.path.stem in SLOWEST
            else len(SLOWEST) + (item.path not in slow)
        )
    )


@pytest.fixture(scope="session", autouse=True)
def _away_from_real_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests, and the commands they run, off the database and the dbt profile that a person uses.

    The commands start warm; a test of the process itself names warm_python.interpreter.COLD.
    """
    profiles = tmp_path_factory.mktemp("profiles")
    # Two runs of dbt at once would write into one folder. Relative to the project's root, so that a copied
    # project parses itself.
    target = f"target/tests-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shutil.copy(PROJECT_FOLDER / "profiles.yml.example", profiles / "profiles.yml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", PYTHON)
        patch.delenv("TICKMART_DATABASE_URL", raising=False)
        patch.setenv("TICKMART_TODAY", TODAY)
        patch.setenv("TICKMART_STATE_FOLDER", str(TEST_STATE_FOLDER))
        patch.setenv("TICKMART_PROFILES_FOLDER", str(tmp_path_factory.mktemp("written-profiles")))
        patch.setenv("DBT_PROFILES_DIR", str(profiles))
        patch.setenv("DBT_TARGET_PATH", target)
        patch.setenv("DBT_LOG_PATH", f"{target}/logs")
        patch.setenv("DBT_WRITE_JSON", "false")  # dbt's records of a run take a second of it
        patch.setenv("DBT_LOG_LEVEL_FILE", "none")  # and so does its log
        patch.chdir(PROJECT_FOLDER)
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def server_url(_away_from_real_data: None) -> Iterator[URL]:
    """Address of a server on which databases may be made: TICKMART_TEST_DATABASE_URL, else an embedded one.

    The embedded one is shared by all test runs of this checkout; the last to end stops it.
    """
    given = os.environ.get("TICKMART_TEST_DATABASE_URL")
    if given:
        with _settings_for(given):
            yield databases.database_url()
        return
    TEST_STATE_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(TEST_STATE_FOLDER / "sessions.lock", "w") as sessions:
        fcntl.flock(sessions, fcntl.LOCK_SH)
        url = server.ensure_running()
        _let_it_forget(url)
        yield url
        try:
            fcntl.flock(sessions, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another test run uses it
        server.stop()


def _let_it_forget(url: URL) -> None:
    """Spare a server what no test needs: surviving a power cut, hiding a password well."""
    with _administration(url) as cursor:
        cursor.execute("select pg_advisory_lock(1)")  # other processes of this run do the same
        cursor.execute("show fsync")
        if cursor.fetchone() == ("off",):
            return
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor.execute(f"alter system set {name} = off")
        cursor.execute("select pg_reload_conf()")
        cursor.execute("set scram_iterations = 1")
        cursor.execute(f"alter user {url.username} password %s", (url.password,))


@pytest.fixture(scope="session")
def community_server(_away_from_real_data: None) -> URL:
    """Address of a server with TimescaleDB's Community edition; tests that need one are skipped without."""
    address = settings().test_community_url
    if address is None:
        pytest.skip("TICKMART_TEST_COMMUNITY_URL names no server with TimescaleDB's Community edition")
    return make_url(address.get_secret_value()).set(drivername="postgresql+psycopg2")


@pytest.fixture(scope="session")
def newest_migration() -> str:
    """Number of the newest migration, as Alembic finds it."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT_FOLDER / "warehouse/database/migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None
    return head


@pytest.fixture(scope="session")
def _template(server_url: URL) -> Iterator[str]:
    """A migrated database that no one can connect to; copying it takes milliseconds."""
    with _made_once(server_url, f"tickmart_template_{THIS_RUN}", "template0", _migrated) as name:
        yield name


@pytest.fixture(scope="session")
def built_template(server_url: URL, _template: str) -> Iterator[str]:
    """As `_template`, and built: all tables and views of the marts are there, and nothing was ever loaded."""
    with _made_once(server_url, f"tickmart_template_{THIS_RUN}_built", _template, _built) as name:
        yield name


def _migrated() -> None:
    databases.migrate()
    with databases.connect() as connection:
        create_raw_tables(connection)


def _built() -> None:
    tickmart("build", "--no-tests")


@contextmanager
def _made_once(server_url: URL, name: str, template: str, make: Callable[[], None]) -> Iterator[str]:
    """A database that the first process of a run to need it makes, and the last one drops."""
    with ExitStack() as using:
        with _alone(name):
            users = using.enter_context(open(TEST_STATE_FOLDER / f"{name}.users", "w"))
            with _administration(server_url) as cursor:
                _drop_what_killed_runs_left(cursor)
                cursor.execute("select from pg_database where datname = %s and not datallowconn", (name,))
                is_made = cursor.fetchone() is not None
            if not is_made:
                _make(server_url, name, template, make)
            fcntl.flock(users, fcntl.LOCK_SH)
        yield name
        with _alone(name):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another process of the run copies it
            with _administration(server_url) as cursor:
                cursor.execute(f"drop database if exists {name} with (force)")
            Path(users.name).unlink()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    kind = name.removeprefix(f"tickmart_template_{THIS_RUN}")
    with open(TEST_STATE_FOLDER / f"making-template{kind}.lock", "w") as making:
        fcntl.flock(making, fcntl.LOCK_EX)
        yield


def _make(server_url: URL, name: str, template: str, make: Callable[[], None]) -> None:
    with _administration(server_url) as cursor:
        cursor.execute(f"drop database if exists {name} with (force)")
        cursor.execute(f"create database {name} template {template}")
    with _settings_for(server_url.set(database=name).render_as_string(hide_password=False)):
        make()
        databases.engine().dispose()
    with _administration(server_url) as cursor:
        # A background worker of TimescaleDB that comes by would block the copying.
        cursor.execute(f"alter database {name} with allow_connections false")
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))


@pytest.fixture(scope="module")
def database(server_url: URL, _template: str) -> Iterator[URL]:
    """A fresh migrated database for one test module, named by TICKMART_DATABASE_URL and TICKMART_DB_*."""
    with _database(server_url, _template) as url:
        yield url


@pytest.fixture
def fresh_database(server_url: URL, _template: str) -> Iterator[URL]:
    """As `database`, for one test alone."""
    with _database(server_url, _template) as url:
        yield url


@pytest.fixture(scope="module")
def built_database(server_url: URL, built_template: str) -> Iterator[URL]:
    """As `database`, with everything built and nothing loaded: a build has only to take in what is new."""
    with _database(server_url, built_template) as url:
        yield url


@pytest.fixture
def fresh_built_database(server_url: URL, built_template: str) -> Iterator[URL]:
    """As `built_database`, for one test alone."""
    with _database(server_url, built_template) as url:
        yield url


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[URL]:
    """A database that was never migrated, named by TICKMART_DATABASE_URL and TICKMART_DB_*."""
    with _database(
        server_url, "template0"
    ) as url:  # template1 has visits of TimescaleDB's background workers
        yield url


@contextmanager
def _database(server_url: URL, template: str) -> Iterator[URL]:
    # Names are used again, because to a cold dbt another database is another project, parsed from scratch.
    number = next(number for number in itertools.count(1) if number not in _numbers_in_use)
    name = f"tickmart_test_{os.getpid()}_{number}"
    _numbers_in_use.add(number)
    with _administration(server_url) as cursor:
        cursor.execute(f"create database {name} template {template}")
    url = server_url.set(database=name)
    with _settings_for(url.render_as_string(hide_password=False)):
        yield url
        databases.engine().dispose()
    with _administration(server_url) as cursor:
        cursor.execute(f"drop database if exists {name} with (force)")
    _numbers_in_use.remove(number)


@pytest.fixture
def as_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that sets the day for the rest of the test, in this process and in those that it starts."""

    def take(day: str) -> None:
        monkeypatch.setenv("TICKMART_TODAY", day)
        settings.cache_clear()

    yield take
    settings.cache_clear()


@contextmanager
def _settings_for(address: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKMART_DATABASE_URL", address)
        settings.cache_clear()
        url = databases.database_url()
        for name, value in {
            "HOST": url.host,
            "PORT": url.port or 5432,
            "USER": url.username,
            "PASSWORD": url.password or "",
            "NAME": url.database,
        }.items():
            patch.setenv(f"TICKMART_DB_{name}", str(value))
        yield
    settings.cache_clear()


@contextmanager
def _administration(url: URL) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(
        url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _drop_what_killed_runs_left(cursor: psycopg2.extensions.cursor) -> None:
    cursor.execute("select datname from pg_database where datname ~ '^tickmart_(template|test)_[0-9]+'")
    for (name,) in cursor.fetchall():
        if not Path(f"/proc/{name.split('_')[2]}").exists():
            cursor.execute(f"drop database {name} with (force)")
