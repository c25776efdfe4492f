"""Databases for tests of whole builds: copies of a built one, the real commands, and what the marts hold."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import URL
from warm_python.interpreter import PYTHON

from warehouse.database import connect, database_url, engine
from warehouse.settings import PROJECT_FOLDER, settings

DBT = [PYTHON, "-c", "from dbt.cli.main import cli; cli()"]
TICKMART = [PYTHON, "-m", "tickmart"]
# All other models are views.
TABLES = " ".join(f"config.materialized:{kind}" for kind in ("hypertable", "rollup", "by_load", "reference"))

# Numbers and times that differ between two warehouses with the same data.
_OWN_TO_A_WAREHOUSE = {
    "contract_id", "instrument_id", "load_id", "winner_load_id", "restated_by", "started_at", "finished_at",
    "unloaded_at", "built_at",
}  # fmt: skip


def tickmart(*arguments: str | Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, on the database that the environment names."""
    return _run([*TICKMART, *map(str, arguments)], status, environment)


def dbt(*arguments: str | Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run plain dbt as somebody does who never heard of the tickmart command."""
    return _run([*DBT, *map(str, arguments), "--no-use-colors"], status, environment)


def build(*arguments: str) -> dict[str, Any]:
    """Run `tickmart build` without tests and return what it says it did.

    Where everything was built before, as in `built_database`, that is what the loads since then reach.
    """
    outcome: dict[str, Any] = json.loads(tickmart("build", "--json", "--no-tests", *arguments).stdout)
    return outcome


def copied_project(folder: Path) -> Path:
    """Copy the dbt project into a folder, for a test that changes a part of it."""
    project = folder / "project"
    for part in ("models", "macros", "seeds", "functions", "tests/data"):
        shutil.copytree(PROJECT_FOLDER / part, project / part)
    shutil.copy(PROJECT_FOLDER / "dbt_project.yml", project)
    (project / "seeds/own").mkdir(exist_ok=True)
    return project


def _run(
    command: Sequence[str], status: int, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, cwd=PROJECT_FOLDER
    )
    assert done.returncode == status, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done


def query(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query on the database that the environment names."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def utc(day: str, hour: int, minute: int = 0) -> datetime:
    """A moment of 2025."""
    return datetime.strptime(f"2025-{day} {hour}:{minute} +0000", "%Y-%m-%d %H:%M %z")


def change(statement: str) -> None:
    """Run a statement on the database that the environment names."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def named_by_the_environment(url: URL) -> Iterator[None]:
    """Make a database the one that tickmart and plain dbt use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKMART_DATABASE_URL", url.render_as_string(hide_password=False))
        settings.cache_clear()
        for name, value in {
            "HOST": url.host, "PORT": url.port or 5432, "USER": url.username, "PASSWORD": url.password or "",
            "NAME": url.database,
        }.items():  # fmt: skip
            patch.setenv(f"TICKMART_DB_{name}", str(value))
        yield
        engine().dispose()
    settings.cache_clear()


@contextmanager
def database_on(url: URL, name: str, template: str = "template0") -> Iterator[URL]:
    """A database of a server, copied from another one, used by the environment and dropped in the end."""
    _administer(url, f"create database {name} template {template}")
    try:
        with named_by_the_environment(url.set(database=name)):
            yield database_url()
    finally:
        _administer(url, f"drop database if exists {name} with (force)")


@contextmanager
def copy_of(built: URL) -> Iterator[URL]:
    """A copy of a database that nobody is on, used by the environment and dropped in the end."""
    with database_on(built, f"{built.database}_copy", str(built.database)) as copy:
        yield copy


def close_for_copying(url: URL) -> None:
    """Let nobody into a database, background workers included, so that it can be copied in no time."""
    _administer(url, f"alter database {url.database} with allow_connections false")
    _administer(
        url, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{url.database}'"
    )


def _administer(url: URL, statement: str) -> None:
    connection = psycopg2.connect(
        url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def row_changes() -> dict[str, int]:
    """Rows inserted, updated and deleted since the server began to count, per table that had any.

    Of every schema, chunks of hypertables included. TimescaleDB's records of its own background jobs are
    left out: they are written by the clock, not by us.
    """
    deadline = time.monotonic() + 20
    while query(
        "select 1 from pg_stat_activity where datname = current_database()"
        " and backend_type = 'client backend' and pid <> pg_backend_pid()"
    ):  # what a session has counted becomes visible when it ends
        assert time.monotonic() < deadline, "somebody else is on the database"
        time.sleep(0.05)
    with connect() as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select pg_stat_force_next_flush()")
            cursor.execute("select pg_stat_clear_snapshot()")
            cursor.execute(
                "select schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del"
                " from pg_stat_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0"
                " and (schemaname, relname) not in (('_timescaledb_internal', 'bgw_job_stat'),"
                " ('_timescaledb_internal', 'bgw_job_stat_history'))"
            )
            return dict(cursor.fetchall())


def changed_tables(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Tables of which rows were written in between."""
    return {name for name, count in after.items() if count != before.get(name, 0)}


def marts(prefix: str = "") -> dict[str, tuple[int, str]]:
    """Rows and checksum of every mart and seed, keyed by symbol: ids, load ids and load times left out.

    Those of the database's own target, or of one that puts a prefix before its schemas.
    """
    columns = query(
        "select table_schema || '.' || table_name,"
        " array_agg(format('%%I', column_name::text) order by column_name)"
        " filter (where not column_name = any (%s))"
        " from information_schema.columns where table_schema = any (%s)"
        " group by 1 order by 1",
        sorted(_OWN_TO_A_WAREHOUSE),
        [f"{prefix}marts", f"{prefix}facts"],
    )
    return {name: checksum(f"select {', '.join(names)} from {name}") for name, names in columns}


def checksum(rows: str) -> tuple[int, str]:
    """Number of rows of a query, and a sum over them that no order changes."""
    [(rows_found, total)] = query(
        "select count(*), coalesce(sum(('x' || left(md5(checked::text), 16))::bit(64)::bigint), 0)::text"
        f" from ({rows}) as checked"
    )
    return rows_found, total
