"""One file that holds the whole database, and back."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql
from sqlalchemy import URL

from warehouse import server
from warehouse.database import connect, database_url
from warehouse.errors import TickmartError
from warehouse.server.packages import POSTGRESQL_MAJOR
from warehouse.settings import settings

_ATTEMPTS = 10


def client_program(name: str, server_major: int = 0) -> str:
    """Return the path of `psql`, `pg_dump` or `pg_restore`, no older than the server.

    Parameters
    ----------
    name : str
        The program.
    server_major : int
        PostgreSQL's major version there, where the program must not be older.

    Raises
    ------
    TickmartError
        Neither the embedded server's program nor the machine's is new enough.
    """
    of_machine = shutil.which(name)
    own_server = settings().database_url is None
    if not own_server and of_machine and _major_version(of_machine) >= server_major:
        return of_machine
    if server_major <= POSTGRESQL_MAJOR:
        return server.binaries().program(name)
    found = (
        f"the one on this machine is {_major_version(of_machine)}" if of_machine else "this machine has none"
    )
    raise TickmartError(
        f"the server is PostgreSQL {server_major} and needs a {name} at least as new: the embedded one is "
        f"{POSTGRESQL_MAJOR}, {found}. Install postgresql-client-{server_major}."
    )


def client_environment(url: URL) -> dict[str, str]:
    """Return the environment in which a client program finds the password, which no command line may show."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "PGPASSWORD": url.password or ""}


def client_address(url: URL) -> str:
    """Return the address without its password, as libpq's programs take it."""
    return psycopg2.extensions.make_dsn(
        host=url.host,
        port=url.port or 5432,
        user=url.username,
        dbname=url.database,
        **{name: str(value) for name, value in url.query.items()},
    )


def back_up(file: Path) -> int:
    """Write the database to one compressed file (pg_dump's custom format), whole or not at all.

    Returns
    -------
    int
        The file's bytes.
    """
    url = database_url()
    with connect() as connection:
        program = client_program("pg_dump", connection.server_version // 10_000)
    handle, scratch = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")  # mode 0600
    os.close(handle)
    try:
        _run([program, "--format=custom", "--file", scratch, "--dbname", client_address(url)], url, "back up")
        with open(scratch, "rb") as written:
            os.fsync(written.fileno())
        os.replace(scratch, file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return file.stat().st_size


def restore(file: Path, replace: bool = False) -> None:
    """Fill the database from a file that `back_up` wrote.

    Where the user may create databases, the file is restored beside the database and then takes its place: a
    restore that fails leaves everything as it was.

    Parameters
    ----------
    file : Path
        The backup.
    replace : bool
        Whether a database that holds something may be replaced.

    Raises
    ------
    TickmartError
        No such file, or no backup; a database that is not empty without `replace`; a user who may not do it.
    """
    if not file.is_file():
        raise TickmartError(f"no such file: {file}")
    with open(file, "rb") as opened:
        if opened.read(5) != b"PGDMP":
            raise TickmartError(
                f"{file} is no backup in pg_dump's custom format, as `tickmart db backup` writes it"
            )
    url = database_url()
    with connect() as connection, connection.cursor() as cursor:
        program = client_program("pg_restore", connection.server_version // 10_000)
        cursor.execute(_IS_EMPTY)
        is_empty = cursor.fetchone()[0]  # type: ignore[index]
        cursor.execute("select rolsuper or rolcreatedb from pg_roles where rolname = current_user")
        may_create = cursor.fetchone()[0]  # type: ignore[index]
    if not is_empty and not replace:
        raise TickmartError(
            f"database {url.database} at {url.host}:{url.port or 5432} is not empty. Restore with --force to "
            "replace what it holds."
        )
    if may_create:
        _restore_beside(file, url, program)
    elif is_empty:
        _fill(file, url, program)
    else:
        raise TickmartError(
            f"replacing database {url.database} takes a user who may create databases, and {url.username} "
            "may not. Let its owner drop and create it, then restore into the empty one."
        )


# Tables and views that belong to no extension.
_IS_EMPTY = """
    select not exists (
        select
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p', 'v', 'm')
            and nspname !~ '^(pg_|information_schema$|_timescaledb_|timescaledb_)'
            and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
    )
"""


def _restore_beside(file: Path, url: URL, program: str) -> None:
    assert url.database is not None
    beside, before = f"{url.database}_restoring", f"{url.database}_before_restore"
    with_names = {name: sql.Identifier(name) for name in (url.database, beside, before)}
    _administer(url, [sql.SQL("drop database if exists {} with (force)").format(with_names[beside])])
    try:
        _administer(url, [sql.SQL("create database {} template template0").format(with_names[beside])])
        _fill(file, url.set(database=beside), program)
    except BaseException:
        _administer(url, [sql.SQL("drop database if exists {} with (force)").format(with_names[beside])])
        raise
    _administer(url, [sql.SQL("drop database if exists {} with (force)").format(with_names[before])])
    _change_places(url, beside, before)
    _administer(url, [sql.SQL("drop database {} with (force)").format(with_names[before])])


def _change_places(url: URL, beside: str, before: str) -> None:
    assert url.database is not None
    rename = sql.SQL("alter database {} rename to {}")
    connection = _open(url.set(database="postgres"))
    try:
        for attempt in range(_ATTEMPTS):
            with connection.cursor() as cursor:
                # Whoever is connected is sent away. Background workers come back, hence the attempts.
                cursor.execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in (%s, %s)",
                    (url.database, beside),
                )
                try:
                    cursor.execute(rename.format(sql.Identifier(url.database), sql.Identifier(before)))
                    cursor.execute(rename.format(sql.Identifier(beside), sql.Identifier(url.database)))
                except psycopg2.errors.ObjectInUse:
                    connection.rollback()
                    if attempt == _ATTEMPTS - 1:
                        raise
                    continue
            connection.commit()  # both names change at once
            return
    finally:
        connection.close()


def _fill(file: Path, url: URL, program: str) -> None:
    _in_database(url, ["create extension if not exists timescaledb", "select timescaledb_pre_restore()"])
    # Owners and grants are those of the server it came from; here all belongs to the one who restores, and
    # `grant_roles` is for the caller to run once the tables are up to date.
    options = ["--no-owner", "--no-privileges", "--exit-on-error"]
    _run([program, *options, "--dbname", client_address(url), str(file)], url, "restore")
    _in_database(url, ["select timescaledb_post_restore()"])


def _administer(url: URL, statements: list[sql.Composed]) -> None:
    _in_database(url.set(database="postgres"), statements)


def _in_database(url: URL, statements: list[str] | list[sql.Composed]) -> None:
    connection = _open(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


def _open(url: URL) -> psycopg2.extensions.connection:
    return psycopg2.connect(client_address(url), password=url.password, application_name="tickmart")


def _run(command: list[str], url: URL, what: str) -> None:
    done = subprocess.run(
        command, env=client_environment(url), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if "error:" in line] or [done.stderr.strip()]
        raise TickmartError(f"could not {what} the database: {complaints[0].strip()}")


def _major_version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", told)
    return int(found.group(1)) if found else 0
