"""Locks that exclude others who do the same work, and that nobody else can take.

Anybody who may connect to a database may take any advisory lock, and keep it. So the locks here are locks of
tables and rows in `audit`, which PostgreSQL grants only to those with the right to write
(docs/decisions/0084-who-may-not-write-may-not-lock.md).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg2.errors
import psycopg2.extensions

from warehouse.database import connect
from warehouse.errors import TickmartError

BUILD = "audit.build_lock"
GREEKS = "audit.greeks_lock"


@contextmanager
def held(lock: str, by_another: str, application: str | None = None) -> Iterator[int]:
    """Hold a lock on a connection of its own, so that it goes with this process, however that ends.

    A lock table is held by a transaction with neither a snapshot nor a number, which does not keep vacuum
    from the dead rows of any table. (A `vacuum` of the whole database waits at the lock table itself until it
    is free; autovacuum never comes to an empty table.) A name is held by a transaction with a number; it is
    for work that keeps a snapshot all the time anyway.

    Parameters
    ----------
    lock : str
        `BUILD`, `GREEKS`, or a name.
    by_another : str
        What to say where somebody else holds it, such as `another build is running on this database`.
    application : str, optional
        What this session is called, for those who find the lock taken.

    Yields
    ------
    int
        The server's process number of the session that holds it.

    Raises
    ------
    TickmartError
        Somebody else holds it (the message says who, from where, since when, and how to end it), or the
        database was not migrated to this version.
    psycopg2.errors.InsufficientPrivilege
        This user may not write what the lock is for.
    """
    with connect() as connection, connection.cursor() as cursor:
        prepare_to_hold(cursor, application)
        try:
            if lock in (BUILD, GREEKS):
                is_ours = _lock_table(cursor, lock)
            else:
                _make(cursor, lock)
                connection.commit()  # so that others find the row, and by it who has locked it
                is_ours = try_lock(cursor, lock)
        except (
            psycopg2.errors.UndefinedTable,
            psycopg2.errors.InvalidSchemaName,
        ):
            raise TickmartError(
                f"database {connection.info.dbname} lacks tables of this version of tickmart."
                " Run: tickmart db migrate"
            ) from None
        if not is_ours:
            find = holder if lock in (BUILD, GREEKS) else name_holder
            raise TickmartError(f"{by_another}: {describe(cursor, find(cursor, lock))}")
        yield connection.info.backend_pid


def prepare_to_hold(cursor: psycopg2.extensions.cursor, application: str | None) -> None:
    """Let this session hold locks longer than timeouts allow, under a name that others see; commits."""
    cursor.execute(
        "select set_config(name, '0', false) from pg_settings"
        " where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')"
    )
    if application:
        cursor.execute("select set_config('application_name', %s, false)", (application,))
    cursor.connection.commit()


def _lock_table(cursor: psycopg2.extensions.cursor, table: str) -> bool:
    try:
        cursor.execute(f"lock table {table} in exclusive mode nowait")
    except psycopg2.errors.LockNotAvailable:
        cursor.connection.rollback()
        return False
    return True


def holder(cursor: psycopg2.extensions.cursor, table: str) -> int | None:
    """Return the server's process number of whoever holds a lock table.

    None where nobody does, in a database that has no such table, and for a user who may not look into
    `audit`.
    """
    cursor.execute(
        """
        select case when has_schema_privilege(to_regnamespace('audit'), 'usage')
            then to_regproc('audit.table_lock_holder') end is not null
        """
    )
    if cursor.fetchall() == [(False,)]:
        return None
    cursor.execute("select audit.table_lock_holder(%s)", (table,))
    ((process,),) = cursor.fetchall()
    return None if process is None else int(process)


def name_holder(cursor: psycopg2.extensions.cursor, name: str) -> int | None:
    """Return the server's process number of the transaction that has locked a name; None where none has."""
    cursor.execute("select audit.lock_holder(%s)", (name,))
    ((process,),) = cursor.fetchall()
    return None if process is None else int(process)


def describe(cursor: psycopg2.extensions.cursor, process: int | None) -> str:
    """Say who a server process is, and what to do about it."""
    cursor.execute("select audit.describe_session(%s)", (process,))
    ((who,),) = cursor.fetchall()
    return what_to_do(who, process)


def what_to_do(who: str | None, process: int | None) -> str:
    """Say what to do about a process that is in the way; `who` is None where it is not to be found."""
    if who is None:
        return "a process that has just begun or just ended. Try again"
    return f"{who}. Wait for it, or end it: tickmart db psql -c 'select pg_terminate_backend({process})'"


def try_lock(cursor: psycopg2.extensions.cursor, name: str) -> bool:
    """Lock a name until this transaction ends; False where another transaction has it."""
    cursor.execute("select audit.try_lock(%s)", (name,))
    ((is_ours,),) = cursor.fetchall()
    return bool(is_ours)


def lock(cursor: psycopg2.extensions.cursor, name: str) -> None:
    """Lock a name until this transaction ends, waiting for whoever has it."""
    _make(cursor, name)
    cursor.execute("select from audit.locks where name = %s for update", (name,))


def _make(cursor: psycopg2.extensions.cursor, name: str) -> None:
    cursor.execute("insert into audit.locks (name) values (%s) on conflict do nothing", (name,))


def lock_in_passing(cursor: psycopg2.extensions.cursor, names: Sequence[str]) -> None:
    """Lock many names until this transaction ends, in order, and leave no row of them behind.

    A name that another transaction has inserted makes this one wait until that one ends.
    """
    cursor.execute("insert into audit.locks (name) select unnest(%s::text[])", (sorted(names),))
    cursor.execute("delete from audit.locks where name = any(%s)", (list(names),))
