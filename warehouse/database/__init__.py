"""The database: where it is, connections to it, and its Python-owned tables."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import psycopg2
import psycopg2.extensions
import sqlalchemy
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from warehouse import server
from warehouse.database import profile
from warehouse.database.roles import GRANT_ROLES
from warehouse.errors import TickmartError
from warehouse.paths import printable
from warehouse.settings import settings

__all__ = [
    "APPLICATION_NAME",
    "check_server",
    "connect",
    "database_url",
    "edition",
    "engine",
    "grant_roles",
    "migrate",
    "migration_in_place",
    "migrations",
    "require_postgresql",
]

OLDEST_POSTGRESQL = 16  # erf() and pg_input_is_valid() exist from 16 on
APPLICATION_NAME = "tickmart"

_MIGRATIONS = Path(__file__).parent / "migrations"
# A number that tickmart locks for nothing else: held while one process makes the first tables.
_FIRST_MIGRATION = 7_412_000
_LONGEST_FIRST_MIGRATION = 30  # seconds, many times what it takes


def database_url() -> URL:
    """Return the address of the database: the one that is set, else the embedded server's, started first.

    Returns
    -------
    sqlalchemy.URL
        Its driver is always `postgresql+psycopg2`.

    Raises
    ------
    TickmartError
        TICKMART_DATABASE_URL is no PostgreSQL address, or the embedded server cannot start.
    """
    given = settings().database_url
    if given is None:
        url = server.ensure_running()
        profile.refresh(url)
        return url
    return _parse(given.get_secret_value())


def engine(url: URL | None = None) -> Engine:
    """Return the engine of a database, by default the current one; one per address and process.

    Its first connection checks the server (PostgreSQL version, TimescaleDB).
    """
    return _engine(url or database_url())


@contextmanager
def connect(url: URL | None = None) -> Iterator[psycopg2.extensions.connection]:
    """Open a psycopg2 connection of the caller's own, by default to the current database; autocommit off.

    Commits when the block ends, rolls back when it raises, and closes either way.

    Raises
    ------
    TickmartError
        The database cannot be reached (the message names host and port, never the password), or is too old,
        or lacks TimescaleDB.
    """
    url = url or database_url()
    connection = _open(url)
    try:
        _check_once(url, connection)
        yield connection
        connection.commit()
    finally:
        connection.close()  # rolls back what was not committed


def migrate(url: URL | None = None) -> None:
    """Bring schemas, Python-owned tables and roles up to date. Safe when several processes call it at once.

    Parameters
    ----------
    url : URL, optional
        Default: the current database.

    Raises
    ------
    TickmartError
        The database was migrated by a newer tickmart, or its user may not make what is missing.
    """
    with _as_psycopg2_says(), engine(url).begin() as connection:
        if migration_in_place(connection) == max(migrations()):
            return
        _upgrade(connection)


def migrations() -> frozenset[str]:
    """Return the numbers of all migrations that this tickmart knows."""
    return frozenset(path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def migration_in_place(connection: sqlalchemy.Connection) -> str | None:
    """Return the newest migration that this database has, or None."""
    with _as_psycopg2_says():
        if connection.scalar(sqlalchemy.text("select to_regclass('audit.alembic_version')")) is None:
            return None
        found: str | None = connection.scalar(
            sqlalchemy.text("select version_num from audit.alembic_version")
        )
        return found


@contextmanager
def _as_psycopg2_says() -> Iterator[None]:
    """Raise psycopg2's errors rather than SQLAlchemy's, so that callers have one kind to handle."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from None


def grant_roles(connection: psycopg2.extensions.connection) -> None:
    """Make the roles, where the user may, and grant those that exist what their work needs.

    Does nothing where the user does not own tickmart's tables.
    """
    with connection.cursor() as cursor:
        cursor.execute(GRANT_ROLES)


def edition(connection: psycopg2.extensions.connection) -> str:
    """Return TimescaleDB's edition: `community`, `apache`, or `none` where the extension is not made."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select case
                when not exists (select from pg_extension where extname = 'timescaledb') then 'none'
                when current_setting('timescaledb.license', true) = 'timescale' then 'community'
                else 'apache'
            end
            """
        )
        return str(cursor.fetchone()[0])  # type: ignore[index]


def check_server(connection: psycopg2.extensions.connection, where: str) -> None:
    """Raise a TickmartError unless the server is new enough and has TimescaleDB.

    Parameters
    ----------
    connection : psycopg2 connection
    where : str
        Host and port, for the message.
    """
    require_postgresql(connection.server_version, where)
    with connection.cursor() as cursor:
        cursor.execute("select from pg_available_extensions where name = 'timescaledb'")
        if cursor.fetchone() is None:
            raise TickmartError(
                f"the PostgreSQL server at {where} has no TimescaleDB. Install it there "
                "(https://docs.timescale.com/self-hosted/latest/install/), or unset TICKMART_DATABASE_URL "
                "to use the embedded server."
            )


def require_postgresql(version: int, where: str) -> None:
    """Raise a TickmartError where `version` (as `server_version_num`, 160004) is older than PostgreSQL 16."""
    if version < OLDEST_POSTGRESQL * 10_000:
        found = f"{version // 10_000}.{version % 10_000}"
        raise TickmartError(
            f"the server at {where} is PostgreSQL {found}; tickmart needs {OLDEST_POSTGRESQL} or newer. "
            "Upgrade it, "
            "name another in TICKMART_DATABASE_URL, or unset that to use the embedded server."
        )


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise TickmartError(_NO_ADDRESS) from None  # the cause would show the password
    if not re.fullmatch(r"postgres(ql)?(\+\w+)?", url.drivername) or not url.host or "%00" in text:
        raise TickmartError(_NO_ADDRESS)
    url = _with_the_password_in_its_place(url)
    # SQLAlchemy 2.0 leaves the name as it is written in the address
    name = unquote(url.database) if url.database else url.username
    url = url.set(drivername="postgresql+psycopg2", database=name)
    if odd := sorted(set(_ODD_IN_A_NAME) & set(url.database or "")):
        raise TickmartError(
            f"TICKMART_DATABASE_URL names the database {printable(str(url.database))}: dbt cannot work in one"
            f" whose name holds {' '.join(odd)}. Rename it (alter database … rename to …), or name another"
        )
    return url


def _with_the_password_in_its_place(url: URL) -> URL:
    # Parameters stand among the arguments of pg_dump and psql, which every user of the machine may read.
    if secret := next((name for name in _SECRETS if name in url.query), None):
        raise TickmartError(
            f"TICKMART_DATABASE_URL has the parameter {secret}, a secret that PostgreSQL's programs would be "
            "told where others may read it. Leave it out: use a password, or a key that needs none"
        )
    match url.query.get("password"):
        case None:
            return url
        case str(password):
            return url.difference_update_query(["password"]).set(password=password)
        case _:
            raise TickmartError("TICKMART_DATABASE_URL has the parameter password more than once")


# Parameters that libpq treats as secrets, beside the password.
_SECRETS = ("sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")

# dbt writes a database's name into SQL and Jinja as it is
_ODD_IN_A_NAME = "\"'%\\{"

_NO_ADDRESS = (
    "TICKMART_DATABASE_URL is not the address of a PostgreSQL database. It looks like "
    "postgresql://user:password@host:5432/dbname, with characters like @ : / in the password written as "
    "%40 %3A %2F."
)


@cache
def _engine(url: URL) -> Engine:
    made = sqlalchemy.create_engine(url, pool_pre_ping=True)

    @event.listens_for(made, "do_connect")
    def _connect(*_: Any) -> psycopg2.extensions.connection:
        connection = _open(url)
        _check_once(url, connection)
        return connection

    return made


def _open(url: URL) -> psycopg2.extensions.connection:
    arguments: dict[str, Any] = {"application_name": APPLICATION_NAME, "connect_timeout": 10}
    arguments |= url.translate_connect_args(username="user", database="dbname") | dict(url.query)
    try:
        return cast(psycopg2.extensions.connection, psycopg2.connect(**arguments))
    except psycopg2.Error as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        hint = (
            "Is the server up, and is TICKMART_DATABASE_URL right?"
            if settings().database_url
            else "Look at it with: tickmart db status"
        )
        raise TickmartError(
            f"cannot connect to database {url.database} at {_where(url)} as {url.username}: "
            f"{reason.rstrip('.?')}. {hint}"
        ) from None


_checked: set[URL] = set()


def _check_once(url: URL, connection: psycopg2.extensions.connection) -> None:
    if url in _checked:
        return
    try:
        check_server(connection, _where(url))
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    _checked.add(url)


def _where(url: URL) -> str:
    return f"{url.host}:{url.port or 5432}"


def _exclude_other_migrations(connection: sqlalchemy.Connection) -> None:
    if migration_in_place(connection) is not None:
        connection.execute(sqlalchemy.text("lock table audit.alembic_version in share row exclusive mode"))
        return
    # Where there is no table yet, only an advisory lock is possible, and anybody may hold one: wait no longer
    # for it than a migration would hold it.
    for _ in range(_LONGEST_FIRST_MIGRATION * 10):
        if connection.scalar(
            sqlalchemy.text("select pg_try_advisory_xact_lock(:key)"), {"key": _FIRST_MIGRATION}
        ):
            return
        time.sleep(0.1)


def _upgrade(connection: sqlalchemy.Connection) -> None:
    import alembic.command  # imported here: it takes half a second, and is needed once in a database's life
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        _exclude_other_migrations(connection)
        alembic.command.upgrade(config, "head")
        grant_roles(cast(psycopg2.extensions.connection, connection.connection.driver_connection))
    except CommandError as error:
        if "Can't locate revision" not in str(error):
            raise
        raise TickmartError(
            f"this database was migrated by a newer tickmart (to {migration_in_place(connection)}). Update "
            "this checkout."
        ) from error
    except sqlalchemy.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
            raise
        raise TickmartError(
            f"the database user may not make tickmart's tables: {str(error.orig).strip()}. Let its owner "
            "run tickmart db migrate once."
        ) from error
