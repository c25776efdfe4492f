"""Which loads the sessions of an underlying were built from, and since when they may have changed."""

from collections.abc import Sequence
from datetime import date, datetime

import psycopg2.extensions

# A load changes its own sessions, and those of other loads of its file, which it replaced or which count
# again.
_FIRST_SESSION_TOUCHED = """
    with

    changed as (

        select distinct source, dataset, uri
        from audit.loads
        where status <> 'failed' and greatest(finished_at, unloaded_at) >= %(since)s

    )

    select min(slices.session_date)
    from intermediate.int_loads__slices as slices
    inner join audit.loads as loads on slices.load_id = loads.load_id
    inner join changed
        on loads.source = changed.source and loads.dataset = changed.dataset and loads.uri = changed.uri
    where
        lower(slices.slice_group) = any(%(underlyings)s)
        or slices.slice_group = '*'
        or %(underlyings)s::text[] = '{}'
"""


def models_and_loads(
    connection: psycopg2.extensions.connection, underlying: str, first: date, last: date
) -> list[tuple[str, int]]:
    """Return which model has built which load of an underlying's sessions, in ascending order.

    Parameters
    ----------
    connection : psycopg2 connection
    underlying : str
    first, last : datetime.date
        Sessions, both included.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct built_loads.model, built_loads.load_id from audit.built_loads"
            " join intermediate.int_loads__slices as slices on slices.load_id = built_loads.load_id"
            " where slices.slice_group = %s and slices.session_date between %s and %s order by 1, 2",
            [underlying, first, last],
        )
        return cursor.fetchall()


def first_session_touched(
    connection: psycopg2.extensions.connection, since: datetime, underlyings: Sequence[str]
) -> date | None:
    """Return the first session of files that were loaded, restated or taken back since a moment.

    Parameters
    ----------
    connection : psycopg2 connection
    since : datetime.datetime
        With a time zone; included.
    underlyings : sequence of str
        In any case of letters; empty: all.

    Returns
    -------
    date or None
        None where there is no such file.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FIRST_SESSION_TOUCHED,
            {"since": since, "underlyings": [name.lower() for name in underlyings]},
        )
        (session,) = next(iter(cursor.fetchall()))
    return session  # type: ignore[no-any-return]


def groups_of_loads(connection: psycopg2.extensions.connection, load_ids: Sequence[int]) -> list[str]:
    """Return the underlyings, and the symbols of what has none, that some loads have rows of.

    A file of a whole market names none of its symbols.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct slice_group from intermediate.int_loads__slices"
            " where load_id = any(%s) and slice_group <> '*' order by 1",
            (list(load_ids),),
        )
        return [group for (group,) in cursor.fetchall()]
