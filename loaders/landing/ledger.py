"""The ledger: what `audit.loads` and `audit.rejects` say, and what is written to them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from psycopg2 import extensions
from psycopg2.extras import RealDictCursor

from loaders.source import Source

# Options of a load that record how its file was found to be; all others were given by whoever loaded it.
FOUND = ("encoding", "format", "latin1_lines", "force", "archived", "asked_at", "reading", "symbol_of_name")


@dataclass(frozen=True)
class Held:
    """What a file last gave, according to the ledger: one load, or one and those that continue it.

    Attributes
    ----------
    load_id : int
        The newest of these loads.
    whole_load_id : int
        The first of them.
    sha256 : str
        Of the uncompressed bytes.
    bytes : int
        Uncompressed.
    rows : int
        Of all of them together.
    layout : str
    options : dict
        What the ledger says of how the newest was loaded.
    """

    load_id: int
    whole_load_id: int
    sha256: str
    bytes: int
    rows: int
    layout: str
    options: dict[str, Any]

    @property
    def said(self) -> dict[str, Any]:
        """The options that were given by whoever loaded it."""
        return {name: value for name, value in self.options.items() if name not in FOUND}


@dataclass(frozen=True)
class Entry:
    """One row of `audit.loads` to be written; the fields are its columns."""

    source: Source
    uri: str
    status: str
    started_at: datetime
    load_id: int | None = None
    sha256: str | None = None
    bytes: int | None = None
    rows: int = 0
    rejected: int = 0
    blank_lines: int = 0
    layout: str | None = None
    raw_table: str | None = None
    first_line: int | None = None
    header_lines: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    continues_load_id: int | None = None


def held(cursor: extensions.cursor, source: Source, uri: str) -> Held | None:
    """Return what counts for a uri now, or None."""
    cursor.execute(
        "select load_id, coalesce(continues_load_id, load_id), sha256, bytes, sum(rows) over ()::bigint,"
        " layout, options from audit.current_loads"
        " where source = %s and dataset = %s and uri = %s order by load_id desc limit 1",
        (source.name, source.dataset, uri),
    )
    row = cursor.fetchone()
    return Held(*row) if row else None


def same_bytes(cursor: extensions.cursor, source: Source, uri: str, sha256: str) -> tuple[int, str] | None:
    """Return load id and uri of a current load of the same bytes from another uri, or None."""
    cursor.execute(
        "select load_id, uri from audit.current_loads as last"
        " where source = %s and dataset = %s and uri <> %s and sha256 = %s and not exists ("
        "  select from audit.current_loads as later where later.load_id > last.load_id"
        "  and (later.source, later.dataset, later.uri) = (last.source, last.dataset, last.uri))"
        " order by load_id limit 1",
        (source.name, source.dataset, uri, sha256),
    )
    return cursor.fetchone()


def asked(cursor: extensions.cursor, source: Source) -> list[tuple[str, str, int]]:
    """Return uri, moment of the newest question and rows of every page that a source has answered."""
    cursor.execute(
        "select uri, max(options ->> 'asked_at'), sum(rows)::bigint from audit.current_loads"
        " where source = %s and dataset = %s and options ? 'asked_at' group by uri",
        (source.name, source.dataset),
    )
    return cursor.fetchall()


def asked_again(cursor: extensions.cursor, load_id: int, asked_at: datetime) -> None:
    """Note that a page was asked for again, and answered as before."""
    cursor.execute(
        "update audit.loads set options = options || %s where load_id = %s",
        (json.dumps({"asked_at": asked_at.isoformat()}), load_id),
    )


def next_load_id(cursor: extensions.cursor) -> int:
    """Take a load id and make it the default of `_load_id` for this transaction."""
    cursor.execute("select nextval(pg_get_serial_sequence('audit.loads', 'load_id'))")
    (load_id,) = next(cursor)
    cursor.execute("select set_config('tickmart.load_id', %s, true)", (str(load_id),))
    return int(load_id)


def write(cursor: extensions.cursor, entry: Entry) -> int:
    """Write a row of the ledger, finished now, and return its load id."""
    cursor.execute(
        "insert into audit.loads (load_id, source, dataset, uri, sha256, bytes, rows, rejected,"
        " blank_lines, layout, raw_table, first_line, header_lines, options, started_at, finished_at, status,"
        " error, continues_load_id)"
        " overriding system value"
        " values (coalesce(%s, nextval(pg_get_serial_sequence('audit.loads', 'load_id'))),"
        " %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s, %s)"
        " returning load_id",
        (
            entry.load_id,
            entry.source.name,
            entry.source.dataset,
            entry.uri,
            entry.sha256,
            entry.bytes,
            entry.rows,
            entry.rejected,
            entry.blank_lines,
            entry.layout,
            entry.raw_table,
            entry.first_line,
            entry.header_lines,
            json.dumps(entry.options),
            entry.started_at,
            entry.status,
            entry.error,
            entry.continues_load_id,
        ),
    )
    (load_id,) = next(cursor)
    return int(load_id)


def write_rejects(cursor: extensions.cursor, rejects: IO[bytes]) -> None:
    """Write rejects from CSV lines of load_id, line, text, reason."""
    cursor.copy_expert(
        "copy audit.rejects (load_id, line, text, reason) from stdin (format csv, force_not_null (text))",
        rejects,
        size=1 << 20,
    )


def loads(
    cursor: RealDictCursor,
    source: str | None = None,
    uri: str | None = None,
    failed: bool = False,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return loads, newest first.

    Parameters
    ----------
    cursor : RealDictCursor
    source : str or None
        Only loads of this source.
    uri : str or None
        Only loads of this uri, its members included.
    failed : bool
        Only those that failed.
    limit : int or None
        At most so many.

    Returns
    -------
    list of dict
        The columns of `audit.loads`, and `is_current`.
    """
    cursor.execute(
        "select loads.*, current_loads.load_id is not null as is_current from audit.loads"
        " left join audit.current_loads using (load_id)"
        " where (%(source)s::text is null or loads.source = %(source)s)"
        " and (%(uri)s::text is null or loads.uri = %(uri)s or starts_with(loads.uri, %(uri)s || '!'))"
        " and (not %(failed)s or loads.status = 'failed')"
        " order by loads.load_id desc limit %(limit)s",
        {"source": source, "uri": uri, "failed": failed, "limit": limit},
    )
    return [dict(row) for row in cursor.fetchall()]


def rejects(
    cursor: RealDictCursor, load_ids: Sequence[int], limit: int | None = None
) -> list[dict[str, Any]]:
    """Return the rejects of loads, newest load first, lines in order."""
    cursor.execute(
        "select load_id, uri, line, text, reason from audit.rejects join audit.loads using (load_id)"
        " where load_id = any(%s) order by load_id desc, line limit %s",
        (list(load_ids), limit),
    )
    return [dict(row) for row in cursor.fetchall()]
