"""A backup becomes the database: filled beside it, checked, and then put into its place."""

import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql
from sqlalchemy import URL

from warehouse import database
from warehouse.database import locks
from warehouse.database.archive import Archive, read_archive
from warehouse.database.backup import client_address, client_program, run_client
from warehouse.database.errors import in_plain_words
from warehouse.dbt import build_lock
from warehouse.errors import TickmartError

log = logging.getLogger(__name__)

_ATTEMPTS = 10

# What every database of tickmart has, from its first migration on.
_TABLES = (
    *("audit.loads", "audit.rejects", "audit.built_loads", "audit.loads_to_build", "audit.slices_to_build"),
    *("enrichment.option_greeks", "enrichment.greeks_slices"),
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


class Copy:
    """A database with a name of its own, beside the one whose place it is to take."""

    def __init__(
        self, file: Path, archive: Archive, program: str, url: URL, names: "_Names", replaces: "_Contents"
    ) -> None:
        self._file, self._archive, self._program = file, archive, program
        self._of, self._names, self._replaces = url, names, replaces
        self.url = url.set(database=names.copy)

    def fill(self) -> None:
        """Make the copy and restore the backup into it."""
        _administer(self._of, [_statement("create database {} template template0", self._names.copy)])
        assert self._archive.timescaledb is not None
        version = sql.Literal(self._archive.timescaledb)
        _in_database(self.url, [sql.SQL("create extension timescaledb version {}").format(version)])
        with database.connect(self.url) as connection:
            edition = database.edition(connection)
        if self._archive.needs_community and edition != "community":
            raise TickmartError(
                f"{self._file} has continuous aggregates or compressed rows and needs TimescaleDB's "
                f"Community edition; this server has the {edition.capitalize()} edition."
            )
        _in_database(self.url, [sql.SQL("select timescaledb_pre_restore()")])
        # Owners and grants are those of the server it came from; here all belongs to the one who restores,
        # and `grant_roles` is for the caller to run once the tables are up to date.
        options = ["--no-owner", "--no-privileges", "--exit-on-error", "--dbname", client_address(self.url)]
        run_client([self._program, *options, str(self._file)], self.url, "restore")
        _in_database(self.url, [sql.SQL("select timescaledb_post_restore()"), sql.SQL(_OWN_THE_JOBS)])

    def check(self) -> None:
        """Check that the copy, brought up to date, is a database of tickmart's.

        Raises
        ------
        TickmartError
            It is not; the message says what it lacks.
        """
        with database.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select name from unnest(%s) as name where to_regclass(name) is null", (list(_TABLES),)
            )
            missing = [name for (name,) in cursor.fetchall()]
        if missing:
            raise TickmartError(f"{self._file} is not whole: restored, it has no {', '.join(missing)}")

    def number_anew(self) -> None:
        """Mark what is due in the copy, brought up to date, by a transaction of this server.

        The former server's numbers may lie ahead of this one's: what they mark would never come off the list.
        """
        with database.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute("update enrichment.greeks_due set listed_by = pg_current_xact_id()")
            connection.commit()

    def take_place(self) -> None:
        """Put the copy into the place of the database, start its background jobs, and drop the former one.

        Whoever is connected to either is sent away. Both names change at once or not at all. A former
        database that cannot be dropped, or that somebody wrote to at the last moment, stays, and the user is
        told.

        Raises
        ------
        TickmartError
            Something was loaded or taken back since the restore began; the database is as it was.
        """
        database.engine(self.url).dispose()
        if _contents(self._of) != self._replaces:
            raise TickmartError(
                f"database {self._of.database} was written to while {self._file} was restored, and was left "
                "as it is. Look what came in (tickmart loads), then restore again"
            )
        _change_places(self._of, self._names)
        database.engine().dispose()
        # The copy's jobs were stopped with its connections. TimescaleDB starts none by itself in a database
        # in which it has once stopped them.
        _in_database(self._of, [sql.SQL("select _timescaledb_functions.start_background_workers()")])
        if _contents(self._of.set(database=self._names.before)) != self._replaces:
            log.warning(
                "note: the former database was written to at the last moment. It is still there until the "
                "next restore, as %s",
                self._names.before,
            )
            return
        _drop(self._of, self._names.before)


# Jobs run as their owner, and restored ones still have the owner from their former server.
_OWN_THE_JOBS = """
    do $$
    begin
        execute format(
            'update %s set owner = current_user::regrole where owner <> current_user::regrole',
            coalesce(to_regclass('_timescaledb_catalog.bgw_job'), to_regclass('_timescaledb_config.bgw_job'))
        );
    end
    $$
"""


@contextmanager
def beside(file: Path, *, replace: bool) -> Iterator[Copy]:
    """Check that a backup can be restored here, and give the copy to fill; drop it if the block fails.

    Parameters
    ----------
    file : Path
        A file that `tickmart db backup` wrote.
    replace : bool
        Whether a database that holds something may be replaced.

    Raises
    ------
    TickmartError
        No such file, or no backup of tickmart's; one that this server cannot take (the message says which it
        needs); a database that is not empty without `replace`; a user who may not do it; another restore that
        is at work.
    """
    url = database.database_url()
    assert url.database is not None
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select rolsuper from pg_roles where rolname = current_user")
        if not cursor.fetchone()[0]:  # type: ignore[index]
            raise TickmartError(
                "restoring takes a superuser, because TimescaleDB's background jobs have to stop meanwhile, "
                f"and {url.username} is none. Name one in TICKMART_DATABASE_URL."
            )
        contents = _contents_of(cursor)
        if not contents.is_empty and not replace:
            raise TickmartError(
                f"database {url.database} at {url.host}:{url.port or 5432} is not empty. Restore with "
                "--force to replace what it holds."
            )
        program = client_program("pg_restore", connection.server_version // 10_000)
        archive = read_archive(file, program)
        _check(file, archive, connection)
    with _only_restore(url):
        names = _Names(url.database)
        _drop_leftovers(url, names)
        try:
            yield Copy(file, archive, program, url, names, contents)
        except BaseException:
            _administer(url, [_statement("drop database if exists {} with (force)", names.copy)])
            raise


@contextmanager
def nobody_else(tables: Collection[str]) -> Iterator[None]:
    """Keep out builds and loads while the copy is filled: they would be lost with the database.

    Loads that begin meanwhile wait. When the block ends they are sent away rather than let in, so that they
    say that nothing landed.

    Parameters
    ----------
    tables : collection of str
        What loads lock: the names of the raw tables.

    Raises
    ------
    TickmartError
        A build or a load is at work; the message says who.
    """
    with database.connect() as connection, connection.cursor() as cursor:
        # A database that is empty, or older than the locks, has none, and nobody builds there.
        cursor.execute("select to_regclass(%s) is not null", (locks.BUILD,))
        if cursor.fetchall() == [(False,)]:
            yield
            return
        locks.prepare_to_hold(cursor, "tickmart db restore")
        with build_lock():
            for table in sorted(tables):
                if not locks.try_lock(cursor, table):
                    who = locks.describe(cursor, locks.name_holder(cursor, table))
                    raise TickmartError(f"a load into {table} is at work: {who}")
            yield
            cursor.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and backend_type = 'client backend'"
                " and pid not in (pg_backend_pid(), %s)",
                (locks.holder(cursor, locks.BUILD),),
            )


class _Contents(NamedTuple):
    """What a restore would take away: loads that are added or taken back show in it."""

    is_empty: bool
    loads: int = 0
    unloaded: int = 0


def _contents(url: URL) -> _Contents:
    with closing(_open(url)) as connection, connection.cursor() as cursor:
        return _contents_of(cursor)


def _contents_of(cursor: psycopg2.extensions.cursor) -> _Contents:
    cursor.execute(_IS_EMPTY)
    ((is_empty,),) = cursor.fetchall()
    cursor.execute("select to_regclass('audit.loads') is not null")
    if cursor.fetchall() == [(False,)]:
        return _Contents(is_empty)
    # counted, because the load with the highest number need not be the last to commit
    cursor.execute("select count(*), count(unloaded_at) from audit.loads where status <> 'failed'")
    ((loads, unloaded),) = cursor.fetchall()
    return _Contents(is_empty, loads, unloaded)


def name_prefix(of: str) -> str:
    """Return how the names of a database's copies begin: with a digest, as its own name may have 63 bytes."""
    return f"tickmart_restore_{hashlib.sha256(of.encode()).hexdigest()[:16]}_"


class _Names:
    """Names that nobody else gives to a database."""

    def __init__(self, of: str) -> None:
        self.prefix = name_prefix(of)
        unique = secrets.token_hex(4)
        self.copy, self.before = f"{self.prefix}{unique}_copy", f"{self.prefix}{unique}_before"


def _check(file: Path, archive: Archive, connection: psycopg2.extensions.connection) -> None:
    missing = [table for table in ("audit.alembic_version", *_TABLES) if table not in archive.tables]
    if archive.migration is None or archive.timescaledb is None or missing:
        lacks = f"no rows of {', '.join(missing)}" if missing else "no migration in audit.alembic_version"
        raise TickmartError(
            f"{file} is no backup of a tickmart database: it has "
            f"{lacks if archive.timescaledb or missing else 'no TimescaleDB'}"
        )
    if archive.migration not in database.migrations():
        raise TickmartError(
            f"{file} was made by another tickmart (its migration {archive.migration} is unknown here). "
            "Update this checkout."
        )
    major = connection.server_version // 10_000
    if archive.postgresql > major:
        raise TickmartError(
            f"{file} was made on PostgreSQL {archive.postgresql} and needs a server at least as new; this "
            f"one is PostgreSQL {major}."
        )
    _check_timescaledb(file, archive, connection)


def _check_timescaledb(file: Path, archive: Archive, connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select version from pg_available_extension_versions where name = 'timescaledb' order by 1"
        )
        available = [version for (version,) in cursor.fetchall()]
        cursor.execute(
            "select name from unnest(%s::text[]) as name where to_regrole(name) is null order by 1",
            (list(archive.job_owners),),
        )
        unknown = [name for (name,) in cursor.fetchall()]
    # The catalog of TimescaleDB is restored with the rest, and has another shape in each version.
    if archive.timescaledb not in available:
        raise TickmartError(
            f"{file} needs TimescaleDB {archive.timescaledb}, with which it was made; this server has "
            f"{', '.join(available)}. Restore it on a server with {archive.timescaledb}, update the "
            "extension there (alter extension timescaledb update), and back up again."
        )
    if unknown:
        raise TickmartError(
            f"{file} has background jobs of {', '.join(unknown)}, whom this server does not know: create "
            f"role {unknown[0]}, then restore; the jobs will belong to who restores."
        )


# Anybody who may connect can take such a lock, so whoever has it is named; only a superuser restores, and he
# can end that session. The database of the lock has none of the functions in audit.
_HOLDER = """
    select
        format(
            'process %%s (%%s) of user %%s from %%s, since %%s', pg_locks.pid,
            coalesce(nullif(application_name, ''), 'unnamed'), usename,
            coalesce(host(client_addr), 'this machine'),
            to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
        ),
        pg_locks.pid
    from pg_locks
    inner join pg_stat_activity on pg_locks.pid = pg_stat_activity.pid
    where locktype = 'advisory' and granted
        and (classid::bigint << 32) + objid::bigint = hashtextextended(%s, 0)
"""


@contextmanager
def _only_restore(url: URL) -> Iterator[None]:
    # Connected to a database that stays: in the one that is replaced, this connection would be in the way.
    with closing(_open(_administration(url))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            key = f"tickmart restore {url.database}"
            cursor.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (key,))
            if not cursor.fetchone()[0]:  # type: ignore[index]
                cursor.execute(_HOLDER, (key,))
                who, process = cursor.fetchone() or (None, None)
                raise TickmartError(
                    f"another restore of database {url.database} is at work: {locks.what_to_do(who, process)}"
                )
        yield


def _drop_leftovers(url: URL, names: _Names) -> None:
    """Drop what killed restores of this database have left."""
    pattern = re.escape(names.prefix) + "[0-9a-f]{8}_(copy|before)$"
    with closing(_open(_administration(url))) as connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database where datname ~ %s", (f"^{pattern}",))
        leftovers = [name for (name,) in cursor.fetchall()]
    for name in leftovers:
        _drop(url, name)


def _drop(url: URL, name: str) -> None:
    """Drop a database that is in nobody's way, or tell why it stays: a slot or a subscription may hold it."""
    try:
        _administer(url, [_statement("drop database if exists {} with (force)", name)])
    except psycopg2.Error as error:
        log.warning("note: database %s could not be dropped: %s", name, in_plain_words(error))


def _change_places(url: URL, names: _Names) -> None:
    assert url.database is not None
    renamed = [
        sql.SQL("alter database {} rename to {}").format(sql.Identifier(old), sql.Identifier(new))
        for old, new in ((url.database, names.before), (names.copy, url.database))
    ]
    with closing(_open(_administration(url))) as connection:
        for attempt in range(_ATTEMPTS):
            with connection.cursor() as cursor:
                # Whoever is connected is sent away. Background workers come back, hence the attempts.
                cursor.execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in (%s, %s)",
                    (url.database, names.copy),
                )
                try:
                    for statement in renamed:
                        cursor.execute(statement)
                except psycopg2.errors.ObjectInUse:
                    connection.rollback()
                    if attempt == _ATTEMPTS - 1:
                        raise
                    continue
            connection.commit()  # both names change at once
            return


def _administration(url: URL) -> URL:
    """Return the address of a database to stand in while this one is made, renamed or dropped."""
    return url.set(database="template1" if url.database == "postgres" else "postgres")


def _administer(url: URL, statements: Sequence[sql.Composable]) -> None:
    _in_database(_administration(url), statements)


def _in_database(url: URL, statements: Sequence[sql.Composable]) -> None:
    with closing(_open(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _statement(text: str, name: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(name))


def _open(url: URL) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        client_address(url), password=url.password, application_name=database.APPLICATION_NAME
    )
