"""Databases that live as long as a benchmark: nobody's data are read or written."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import psycopg2.extensions
from sqlalchemy import URL

from loaders.landing.raw_tables import create_raw_tables
from warehouse import database
from warehouse.settings import settings

_counter = itertools.count(1)


@contextmanager
def fresh_database(template: str) -> Iterator[URL]:
    """Make a migrated database that this process and its commands use until the block ends, then drop it.

    It stands on the server that tickmart uses anyway, with that server's settings.

    Parameters
    ----------
    template : str
        Database of that server to copy.
    """
    name = f"tickmart_bench_{os.getpid()}_{next(_counter)}"
    home = database.database_url()
    with _administration(home) as cursor:
        if settings().database_url is None:  # on a shared server the process numbers are not ours to judge
            _drop_what_killed_runs_left(cursor)
        cursor.execute(f"create database {name} template {template}")
    try:
        with use(home.set(database=name)) as url:
            database.migrate()
            with database.connect() as connection:
                create_raw_tables(connection)
            yield url
    finally:
        drop(home, name)


@contextmanager
def use(url: URL) -> Iterator[URL]:
    """Let this process, and the commands that it starts, use a database until the block ends."""
    earlier = os.environ.get("TICKMART_DATABASE_URL")
    os.environ["TICKMART_DATABASE_URL"] = url.render_as_string(hide_password=False)
    settings.cache_clear()
    try:
        yield url
    finally:
        database.engine().dispose()
        if earlier is None:
            del os.environ["TICKMART_DATABASE_URL"]
        else:
            os.environ["TICKMART_DATABASE_URL"] = earlier
        settings.cache_clear()


def copy(url: URL, name: str) -> URL:
    """Copy a database, in place of an earlier copy of that name.

    Parameters
    ----------
    url : URL
        The original, to which nobody may connect while it is copied.
    name : str
        Of the copy.
    """
    with _administration(url) as cursor:
        cursor.execute(f"drop database if exists {name} with (force)")
        # A background worker of TimescaleDB that comes by would block the copying.
        cursor.execute(f"alter database {url.database} with allow_connections false")
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (url.database,)
        )
        cursor.execute(f"create database {name} template {url.database}")
        cursor.execute(f"alter database {url.database} with allow_connections true")
    return url.set(database=name)


def drop(url: URL, name: str) -> None:
    """Drop a database, whoever uses it."""
    with _administration(url) as cursor:
        cursor.execute(f"drop database if exists {name} with (force)")


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
    cursor.execute("select datname from pg_database where datname ~ '^tickmart_bench_[0-9]+_'")
    for (name,) in cursor.fetchall():
        if not Path(f"/proc/{name.split('_')[2]}").exists():
            cursor.execute(f"drop database {name} with (force)")
