"""One answer of a vendor on its way in: new and changed rows land beside what its page had given."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from psycopg2 import extensions, sql

from loaders.landing import copying, ledger
from loaders.landing.arrow_text import batch_of
from loaders.landing.lines import Batch
from loaders.landing.outcomes import Listener, Outcome
from loaders.landing.raw_tables import lock_raw_table
from loaders.layouts import Layout
from loaders.source import Source
from warehouse.errors import TickmartError

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Answer:
    """What a vendor answered for a page.

    Attributes
    ----------
    uri, name : str
        Of the page.
    layout : Layout
    rows : pyarrow.Table
        Text columns, named as those of the raw table.
    positions : list of int
        The number of each row in the answer, from 0; rows of unfinished bars are left out.
    times : list of datetime
        Of each row, UTC.
    asked_at, started_at : datetime
    sha256 : str
    bytes : int
    format : str
    """

    uri: str
    name: str
    layout: Layout
    rows: pa.Table
    positions: list[int]
    times: list[datetime]
    asked_at: datetime
    started_at: datetime
    sha256: str
    bytes: int
    format: str


def land_page(
    connection: extensions.connection,
    source: Source,
    answer: Answer,
    times_of: Callable[[pa.Table], list[datetime]],
    archive: Callable[[], str],
    *,
    complete_for_ever: bool,
    force: bool,
    listener: Listener,
) -> Outcome:
    """Land an answer in one transaction, which the caller commits.

    Rows that the page has given before, with the same values, do not land again. New and changed ones land as
    a load that continues the earlier ones, and of two rows for one time the newer counts. An answer that
    lacks or changes rows replaces the earlier one whole only where the source's answers are complete for
    ever.

    Parameters
    ----------
    connection : psycopg2 connection
        Outside a transaction; the raw tables are there.
    source : Source
    answer : Answer
    times_of : callable
        Tells the times of rows that are read back from the raw table.
    archive : callable
        Keeps the answer's bytes, before anything of it lands, and returns where.
    complete_for_ever : bool
    force : bool
        Let an answer without rows replace one with rows.
    listener : Listener

    Raises
    ------
    TickmartError
        The page has no row any more, although the source's answers are complete for ever.
    """
    with connection.cursor() as cursor:
        lock_raw_table(cursor, answer.layout.table, listener)
        held = ledger.held(cursor, source, answer.uri)
        earlier = _earlier(cursor, held, answer.layout, times_of) if held else {}
        now = _by_time(answer.rows, answer.times)
        changed = {time for time, rows in now.items() if earlier.get(time) != rows}
        gone = earlier.keys() - now.keys()
        replaces = complete_for_ever and bool(gone or changed & earlier.keys())
        if held and not changed and not replaces:
            ledger.asked_again(cursor, held.load_id, answer.asked_at)
            return Outcome(answer.uri, answer.name, "already loaded", held.load_id)
        if replaces and not now and not force:
            raise TickmartError(
                f"{source.name} now answers {answer.name} without a row, but gave {len(earlier)} before;"
                " say --force if that is right"
            )
        continued = held if held and not replaces else None
        landing = [replaces or not held or time in changed for time in answer.times]
        return _landed(cursor, source, answer, landing, held, continued, archive())


def _earlier(
    cursor: extensions.cursor,
    held: ledger.Held,
    layout: Layout,
    times_of: Callable[[pa.Table], list[datetime]],
) -> dict[datetime, list[Row]]:
    """Return the rows that count for a page now: for each time, those of the newest load that has it."""
    columns = layout.table.columns
    cursor.execute(
        sql.SQL(
            "select _load_id, {} from {} where _load_id = any (array(select load_id from audit.loads"
            " where coalesce(continues_load_id, load_id) = %s and unloaded_at is null))"
            " order by _load_id, _line"
        ).format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("raw", layout.table.name)),
        (held.whole_load_id,),
    )
    by_load: dict[int, list[Row]] = {}
    for load_id, *row in cursor.fetchall():
        by_load.setdefault(load_id, []).append(tuple(row))
    found: dict[datetime, list[Row]] = {}
    for rows in by_load.values():
        table = _text_table(columns, rows)
        found |= _by_time(table, times_of(table))
    return found


def _text_table(columns: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([row[place] for row in rows], pa.large_string())
            for place, name in enumerate(columns)
        }
    )


def _by_time(table: pa.Table, times: Sequence[datetime]) -> dict[datetime, list[Row]]:
    """Return the rows of each time, without the columns that are empty there."""
    names = sorted(table.column_names)
    columns = [table[name].to_pylist() for name in names]
    found: dict[datetime, list[Row]] = {}
    for time, *values in zip(times, *columns, strict=True):
        said: Row = tuple(f"{name}={value}" for name, value in zip(names, values, strict=True) if value)
        found.setdefault(time, []).append(said)
    return found


def _landed(
    cursor: extensions.cursor,
    source: Source,
    answer: Answer,
    landing: list[bool],
    held: ledger.Held | None,
    continued: ledger.Held | None,
    archived: str,
) -> Outcome:
    load_id = ledger.next_load_id(cursor)
    rejects = copying.Rejects()
    positions = [place for place, lands in zip(answer.positions, landing, strict=True) if lands]

    def batches(first_line: int) -> Iterator[Batch]:
        rows = answer.rows.filter(pa.array(landing, pa.bool_()))
        yield batch_of(rows, rows.column_names, positions, first_line, answer.name)

    rows, first_line, _, _ = copying.copy_judged(
        cursor, answer.layout.table, answer.rows.column_names, batches, load_id, rejects, ","
    )
    if positions:  # lines of the answer that do not land have numbers, too
        cursor.execute(
            "select setval(pg_get_serial_sequence(%s, '_line'), %s)",
            (answer.layout.table.qualified, first_line + positions[-1]),
        )
    options: dict[str, Any] = {
        "format": answer.format,
        "archived": archived,
        "asked_at": answer.asked_at.isoformat(),
    }
    entry = ledger.Entry(
        source,
        answer.uri,
        "loaded" if rows or rejects.count else "empty",
        answer.started_at,
        load_id,
        answer.sha256,
        answer.bytes,
        rows,
        rejects.count,
        0,
        answer.layout.name,
        answer.layout.table.qualified,
        first_line if rows else None,
        0,
        options,
        continues_load_id=continued.whole_load_id if continued else None,
    )
    ledger.write(cursor, entry)
    if rejects.count:
        ledger.write_rejects(cursor, rejects.file())
    return Outcome(
        answer.uri,
        answer.name,
        entry.status,
        load_id,
        rows,
        rejects.count,
        layout=entry.layout,
        restates=held.load_id if held and not continued else None,
        continues=entry.continues_load_id,
    )
