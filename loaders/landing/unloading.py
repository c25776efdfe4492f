"""Take loads back."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import extensions, sql

from warehouse import database
from warehouse.database import locks
from warehouse.database.errors import said_plainly
from warehouse.errors import TickmartError


@dataclass(frozen=True)
class Unloaded:
    """What became of one load.

    Attributes
    ----------
    load_id : int
    uri : str
    rows, rejects : int
        How many were deleted.
    already : bool
        It had been unloaded before; nothing was done.
    stands_now : int or None
        The earlier load of the same file that counts again.
    went_with : int or None
        The load that was to be taken back, if this one continues it and therefore went with it.
    """

    load_id: int
    uri: str
    rows: int = 0
    rejects: int = 0
    already: bool = False
    stands_now: int | None = None
    went_with: int | None = None


def unload(load_ids: Sequence[int]) -> list[Unloaded]:
    """Take loads back: delete their raw rows and rejects, and mark them in the ledger, all or none of them.

    The next build removes from the marts what only they had given. Where an earlier load of the same file is
    still there, it counts again. Loads that continue one of them go with it, because what they hold begins
    where that one ended.

    Parameters
    ----------
    load_ids : sequence of int

    Returns
    -------
    list of Unloaded
        One per load id, in the given order, each followed by those that went with it.

    Raises
    ------
    TickmartError
        One of them is unknown or had failed; then nothing was done.
    """
    database.migrate()
    with said_plainly("cannot unload"), database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select load_id, raw_table from audit.loads where load_id = any(%s) order by load_id",
            (list(load_ids),),
        )
        tables = dict(cursor.fetchall())
        unknown = [load_id for load_id in load_ids if load_id not in tables]
        if unknown:
            ids = ", ".join(map(str, unknown))
            raise TickmartError(f"there is no load {ids}; see: tickmart loads")
        # In a fixed order, so that two commands cannot wait for each other.
        for table in sorted({table for table in tables.values() if table}):
            locks.lock(cursor, table)
        results: dict[int, Unloaded] = {}
        for load_id in dict.fromkeys(load_ids):
            if load_id not in results:
                results[load_id] = _unload(cursor, load_id, None)
            for behind in _behind(cursor, load_id):
                results[behind] = _unload(cursor, behind, load_id)
        return list(results.values())


def _behind(cursor: extensions.cursor, load_id: int) -> list[int]:
    """Return the loads that hold what the file of a load gained after it."""
    cursor.execute(
        "select behind.load_id from audit.loads as behind, audit.loads as before"
        " where before.load_id = %s and behind.load_id > before.load_id and behind.unloaded_at is null"
        " and behind.continues_load_id = coalesce(before.continues_load_id, before.load_id)"
        " order by behind.load_id",
        (load_id,),
    )
    return [behind for (behind,) in cursor.fetchall()]


def _unload(cursor: extensions.cursor, load_id: int, went_with: int | None) -> Unloaded:
    cursor.execute(
        "select source, dataset, uri, raw_table, status, unloaded_at is not null, continues_load_id"
        " from audit.loads where load_id = %s for update",
        (load_id,),
    )
    source, dataset, uri, raw_table, status, already, continues = next(cursor)
    if status == "failed":
        raise TickmartError(f"load {load_id} failed, so there is nothing to take back ({uri})")
    if already:
        return Unloaded(load_id, uri, already=True)
    cursor.execute(
        sql.SQL("delete from {} where _load_id = %s").format(sql.Identifier(*raw_table.split("."))),
        (load_id,),
    )
    rows = cursor.rowcount
    cursor.execute("delete from audit.rejects where load_id = %s", (load_id,))
    rejects = cursor.rowcount
    cursor.execute("update audit.loads set unloaded_at = clock_timestamp() where load_id = %s", (load_id,))
    if continues is not None:
        return Unloaded(load_id, uri, rows, rejects, went_with=went_with)
    cursor.execute(
        "select min(load_id) from audit.current_loads where source = %s and dataset = %s and uri = %s",
        (source, dataset, uri),
    )
    (stands_now,) = next(cursor)
    return Unloaded(load_id, uri, rows, rejects, stands_now=stands_now)
