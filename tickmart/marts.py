"""What commands that only read the marts have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2.extensions

from warehouse.database import connect
from warehouse.errors import TickmartError
from warehouse.outcomes import LAST_BUILT


@contextmanager
def open_marts() -> Iterator[psycopg2.extensions.connection]:
    """Open a connection that only reads, on a database that was built.

    Raises
    ------
    TickmartError
        Nothing was loaded or built yet; the message says which comes next.
    """
    with connect() as connection:
        connection.rollback()  # the connection was checked in a transaction, which cannot become read-only
        connection.set_session(readonly=True)
        with connection.cursor() as cursor:
            cursor.execute(
                "select to_regclass('audit.loads') is not null,"
                " to_regclass('marts.data_coverage') is not null"
            )
            has_ledger, has_marts = next(cursor)
        loaded = loads_not_built(connection) if has_ledger else 0
        if not has_marts:
            if loaded:
                raise TickmartError(f"{_loads(loaded)} there, but nothing was built yet. Run: tickmart build")
            raise TickmartError(
                "there is no data yet. Load vendor files (tickmart load nse-minute PATH…),"
                " then run: tickmart build."
                " Without data of your own: tickmart sample --to inbox"
            )
        yield connection


def loads_not_built(connection: psycopg2.extensions.connection) -> int:
    """Count the loads that count today but are not in the marts yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from audit.current_loads where load_id not in"
            " (select load_id from audit.built_loads where model = %s)",
            (LAST_BUILT,),
        )
        (count,) = next(cursor)
    return int(count)


def hint_of_loads_not_built(connection: psycopg2.extensions.connection) -> str | None:
    """Say how many loads the marts do not show yet, None where they show all."""
    count = loads_not_built(connection)
    return f"{_loads(count)} not in the marts yet. Run: tickmart build" if count else None


def _loads(count: int) -> str:
    return "1 load is" if count == 1 else f"{count:,} loads are"
