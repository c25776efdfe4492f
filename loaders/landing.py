"""The one way in: vendor files, untouched, into their raw table, each whole or not at all."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2 import extensions

from loaders import copying, layouts, ledger, named_dates
from loaders.contents import Contents, contents_of
from loaders.files import (
    AS_OF_MARK,
    DAMAGE,
    DataFile,
    PassedOver,
    Stream,
    Unreadable,
    damaged,
    data_files,
    expand,
)
from loaders.registry import Source, create_raw_tables, source_named
from warehouse import database
from warehouse.database import locks
from warehouse.database.errors import in_plain_words, said_plainly
from warehouse.errors import TickmartError
from warehouse.paths import printable

log = logging.getLogger(__name__)

# NSE's first derivatives: futures on NIFTY of 2000-06-12.
_FIRST_DAY_OF_DERIVATIVES = date(2000, 6, 12)


@dataclass(frozen=True)
class Outcome:
    """What became of one file or archive member.

    Attributes
    ----------
    uri, name : str
        Which file; the name is short, for messages.
    status : str
        `loaded`, `empty` (a header and nothing else), `already loaded`, `skipped` (no data file) or `failed`.
    load_id : int or None
        Its row in `audit.loads`; of `already loaded`, the load that holds the bytes.
    rows, rejected, blank : int
        Lines landed, lines in `audit.rejects`, and blank ones behind the header, which are only counted.
    layout : str or None
    restates : int or None
        The load of the same uri that this one replaces.
    notes : tuple of str
        What a user should know though nothing failed.
    error : str or None
        Of `failed` and `skipped`: why.
    seconds : float
    """

    uri: str
    name: str
    status: str
    load_id: int | None = None
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    layout: str | None = None
    restates: int | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0

    @property
    def fits_nowhere(self) -> bool:
        """Whether lines were there and not one could be landed."""
        return self.status == "loaded" and self.rejected > 0 and self.rows == 0


@dataclass(frozen=True)
class Report:
    """What became of all files of one call.

    Attributes
    ----------
    outcomes : list of Outcome
        In the order of landing.
    """

    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, status: str) -> int:
        """Return how many files ended with a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def rows(self) -> int:
        """Rows landed by this call."""
        return sum(o.rows for o in self.outcomes if o.status == "loaded")

    @property
    def rejected(self) -> int:
        """Lines rejected in this call."""
        return sum(o.rejected for o in self.outcomes if o.status == "loaded")

    def raise_if_failed(self) -> None:
        """Raise one error that names every file that failed.

        Raises
        ------
        TickmartError
        """
        failures = [outcome.error for outcome in self.outcomes if outcome.status == "failed"]
        if failures:
            raise TickmartError("\n".join(str(failure) for failure in failures))


class Listener:
    """Hears how a landing goes on; does nothing with it. The command line's progress bar is one."""

    def expects(self, size: int) -> None:
        """Hear how many bytes all files together have on disk."""

    def starts(self, name: str, size: int) -> None:
        """Hear that a file of `size` bytes on disk is next."""

    def rereads(self) -> None:
        """Hear that the same file is read once more from its beginning."""

    def reads(self, size: int) -> None:
        """Hear how many more bytes of it were read from disk."""

    def waits(self, for_what: str) -> None:
        """Hear what has to end before this goes on."""

    def ends(self, outcome: Outcome) -> None:
        """Hear what became of a file."""


def land(
    source: str,
    paths: Iterable[str | Path],
    *,
    force: bool = False,
    as_of: date | None = None,
    listener: Listener | None = None,
) -> Report:
    """Land files of a source, each in one transaction: its rows, its rejects and its row of the ledger.

    The schema is brought up to date first. A file that fails leaves nothing but a `failed` row of the ledger,
    and the others go on.

    Parameters
    ----------
    source : str
        Name of the source, such as `nse-minute`.
    paths : iterable of str or Path
        Files (plain, .gz, .bz2, .zst, .zip or .parquet), folders and glob patterns.
    force : bool
        Land again what is already there, let a file without rows replace one with rows, and land one whose
        rows have the date of its name with day and month swapped.
    as_of : date or None
        The exchange's day that the files show; of sources whose rows do not say it, and only of these.
    listener : Listener or None
        Hears of the progress.

    Returns
    -------
    Report
        One outcome per file or archive member.

    Raises
    ------
    TickmartError
        The source is unknown, `as_of` is missing or makes no sense, or the database cannot be reached
        (any more).
    """
    wanted = source_named(source)
    check_as_of(wanted, as_of)
    listener = listener or Listener()
    found = expand(paths, wanted.suffixes)
    listener.expects(sum(size_of(item) for item in found))
    outcomes: list[Outcome] = []
    database.migrate()
    with said_plainly("cannot load"), database.connect() as connection:
        create_raw_tables(connection)
        for item in found:
            for file in members(item, wanted):
                outcome = _outcome(connection, wanted, dated(file, as_of), force, as_of, listener)
                outcomes.append(outcome)
                listener.ends(outcome)
    return Report(outcomes)


def check_as_of(source: Source, as_of: date | None) -> None:
    """Refuse a day for a source whose rows say theirs, and the lack of one, or nonsense, for any other.

    Raises
    ------
    TickmartError
    """
    if source.undated and as_of is None:
        raise TickmartError(
            f"files of {source.name} do not say of which day they are: say --as-of YYYY-MM-DD,"
            " the exchange's day on which they were fetched"
        )
    if as_of is not None and not source.undated:
        raise TickmartError(f"rows of {source.name} carry their dates themselves: leave --as-of out")
    today = datetime.now(ZoneInfo("Asia/Kolkata")).date()
    if as_of is not None and not _FIRST_DAY_OF_DERIVATIVES <= as_of <= today:
        raise TickmartError(
            f"--as-of {as_of} is no day on which a list was fetched: say one from"
            f" {_FIRST_DAY_OF_DERIVATIVES} to today, {today}"
        )


def dated(file: DataFile | Unreadable | PassedOver, as_of: date | None) -> DataFile | Unreadable | PassedOver:
    """Name a file for its day too: tomorrow the same path may hold another day's list."""
    return file if as_of is None else replace(file, uri=f"{file.uri}{AS_OF_MARK}{as_of}")


def size_of(item: Path | Unreadable | PassedOver) -> int:
    """Return a file's bytes on disk, 0 for what cannot be read."""
    try:
        return item.stat().st_size if isinstance(item, Path) else 0
    except OSError:
        return 0


def members(
    item: Path | Unreadable | PassedOver, source: Source
) -> Iterator[DataFile | Unreadable | PassedOver]:
    """Yield what an expanded path holds."""
    if isinstance(item, Path):
        yield from data_files(item, source.suffixes)
    else:
        yield item


def why_it_failed(error: Exception, name: str) -> str:
    """Say on one line why a file could not be read or landed."""
    match error:
        case TickmartError():
            text = str(error)
        case _ if isinstance(error, DAMAGE):
            text = str(damaged(name, error))
        case _:
            text = f"{name}: {in_plain_words(error)}"
    return printable(text)


def _outcome(
    connection: extensions.connection,
    source: Source,
    file: DataFile | Unreadable | PassedOver,
    force: bool,
    as_of: date | None,
    listener: Listener,
) -> Outcome:
    started_at, clock = datetime.now(UTC), time.monotonic()
    if isinstance(file, PassedOver):
        return Outcome(file.uri, file.name, "skipped", error=file.why)
    try:
        if isinstance(file, Unreadable):
            raise file.error
        listener.starts(file.name, file.size)
        outcome = _Landing(connection, source, file, force, as_of, listener, started_at).land()
        connection.commit()
        return replace(outcome, seconds=time.monotonic() - clock)
    except (TickmartError, psycopg2.Error, OSError, *DAMAGE) as error:
        if connection.closed:
            raise TickmartError(
                f"the database went away while {file.name} was landing ({in_plain_words(error)});"
                " nothing of that file landed. Run the same command again: what is there does not land twice"
            ) from error
        connection.rollback()
        message = why_it_failed(error, file.name)
        load_id = None
        if isinstance(file, DataFile) or file.exists:
            with connection.cursor() as cursor:
                load_id = ledger.write(
                    cursor, ledger.Entry(source, file.uri, "failed", started_at, error=message)
                )
            connection.commit()
        return Outcome(
            file.uri, file.name, "failed", load_id, error=message, seconds=time.monotonic() - clock
        )
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


class _Landing:
    """One file on its way in."""

    def __init__(
        self,
        connection: extensions.connection,
        source: Source,
        file: DataFile,
        force: bool,
        as_of: date | None,
        listener: Listener,
        started_at: datetime,
    ) -> None:
        self.connection = connection
        self.source = source
        self.file = file
        self.force = force
        self.as_of = as_of
        self.listener = listener
        self.started_at = started_at
        self.table: layouts.RawTable | None = None
        self.is_table = False

    def land(self) -> Outcome:
        with self.connection.cursor() as cursor:
            held = ledger.held(cursor, self.source, self.file.uri)
            # Hashing a large file must not keep a transaction open.
            self.connection.rollback()
            sha256 = self._hash_if_it_may_be(held)
            if held and sha256 == held.sha256:
                return self._already(held)
            self._lock(cursor, self._look())
            now_held = ledger.held(cursor, self.source, self.file.uri)
            if now_held and now_held != held:
                # Another command landed this very file while this one waited.
                sha256 = sha256 or self._hash_if_it_may_be(now_held)
                if sha256 == now_held.sha256:
                    return self._already(now_held)
            return self._copy(cursor, now_held)

    def _already(self, held: ledger.Held) -> Outcome:
        return Outcome(self.file.uri, self.file.name, "already loaded", held.load_id)

    def _hash_if_it_may_be(self, held: ledger.Held | None) -> str | None:
        """Return the file's hash where the ledger may hold it already, else None."""
        if held is None or self.force:
            return None
        with self.file.open(self.listener.reads) as stream:
            meter = copying.Meter(stream, self.file.name)
            while meter.read(copying.CHUNK):
                if meter.bytes > held.bytes:
                    return None
        self.listener.rereads()
        return meter.sha256()

    def _look(self) -> layouts.RawTable:
        """Find out what is wrong with the header, and where the rows go, before anybody has to wait."""
        with self.file.open() as stream:
            return self._contents(copying.Meter(stream, self.file.name)).layout.table

    def _contents(self, meter: copying.Meter) -> Contents:
        contents = contents_of(Stream(meter), self.file, self.source)
        seen = self.table, self.is_table
        self.table, self.is_table = contents.layout.table, contents.head is None
        if seen[0] is not None and seen != (self.table, self.is_table):
            raise TickmartError(f"{self.file.name} changed while it was read; load it again")
        return contents

    def _lock(self, cursor: extensions.cursor, table: layouts.RawTable) -> None:
        # Two COPYs at once would share the identity in blocks, and file lines could not be told from it.
        if not locks.try_lock(cursor, table.qualified):
            who = locks.describe(cursor, locks.name_holder(cursor, table.qualified))
            self.listener.waits(f"another load into {table.qualified} is at work: {who}")
            locks.lock(cursor, table.qualified)
        # A block of numbers that this session took earlier would come before those that others took since.
        cursor.execute("discard sequences")

    def _copy(self, cursor: extensions.cursor, held: ledger.Held | None) -> Outcome:
        load_id = ledger.next_load_id(cursor)
        cursor.execute("savepoint before_copy")
        rejects = copying.Rejects()
        entry = None if self.is_table else self._copy_clean(cursor, load_id)
        entry = entry or self._copy_judged(cursor, load_id, rejects)
        if held and held.rows and not entry.rows and not self.force:
            raise TickmartError(
                f"{self.file.name} now gives no row, but its load {held.load_id} gave {held.rows};"
                " fetch it again, or say --force if it is meant to be empty"
            )
        notes = self._notes_on_dates(cursor, entry)
        ledger.write(cursor, entry)
        if rejects.count:
            ledger.write_rejects(cursor, rejects.file())
        return Outcome(
            self.file.uri,
            self.file.name,
            entry.status,
            load_id,
            entry.rows,
            entry.rejected,
            entry.blank_lines,
            entry.layout,
            held.load_id if held else None,
            (*self._notes(cursor, entry), *notes),
        )

    def _copy_clean(self, cursor: extensions.cursor, load_id: int) -> ledger.Entry | None:
        """Land the file's bytes as they are; None, and nothing landed, if that cannot be."""
        try:
            try:
                entry = self._copy_bytes(cursor, load_id, may_be_plain=True)
            except copying.NotPlain:
                self._begin_anew(cursor)
                entry = self._copy_bytes(cursor, load_id, may_be_plain=False)
        except (copying.NotClean, psycopg2.DataError) as error:
            log.info("%s: %r; judging its lines one by one", self.file.name, error)
            entry = None
        if entry is None:
            self._begin_anew(cursor)
        return entry

    def _begin_anew(self, cursor: extensions.cursor) -> None:
        cursor.execute("rollback to savepoint before_copy")
        self.listener.rereads()

    def _copy_bytes(self, cursor: extensions.cursor, load_id: int, may_be_plain: bool) -> ledger.Entry | None:
        with self.file.open(self.listener.reads) as stream:
            meter = copying.Meter(stream, self.file.name)
            contents = self._contents(meter)
            assert contents.head is not None
            feed = copying.Feed(contents.head.body, contents.head.line_end, may_be_plain)
            rows = copying.copy_clean(cursor, contents.layout.table, contents.columns, feed)
            if rows != feed.lines:
                log.info("%s: %d rows of %d lines; judging them one by one", self.file.name, rows, feed.lines)
                return None
            first_line = None
            if rows:
                cursor.execute("select lastval() - %s + 1", (rows,))
                (first_line,) = next(cursor)
            return self._entry(load_id, meter, contents, rows, 0, feed.blank, first_line, contents.options)

    def _copy_judged(self, cursor: extensions.cursor, load_id: int, rejects: copying.Rejects) -> ledger.Entry:
        with self.file.open(self.listener.reads) as stream:
            meter = copying.Meter(stream, self.file.name)
            contents = self._contents(meter)
            rows, first_line, latin1, blank = copying.copy_judged(
                cursor, contents.layout.table, contents.columns, contents.judged_from, load_id, rejects
            )
            options = contents.options | ({"latin1_lines": latin1} if latin1 else {})
            return self._entry(load_id, meter, contents, rows, rejects.count, blank, first_line, options)

    def _entry(
        self,
        load_id: int,
        meter: copying.Meter,
        contents: Contents,
        rows: int,
        rejected: int,
        blank_lines: int,
        first_line: int | None,
        options: dict[str, Any],
    ) -> ledger.Entry:
        said = ({"force": True} if self.force else {}) | ({"as_of": str(self.as_of)} if self.as_of else {})
        return ledger.Entry(
            source=self.source,
            uri=self.file.uri,
            status="loaded" if rows or rejected else "empty",
            started_at=self.started_at,
            load_id=load_id,
            sha256=meter.sha256(),
            bytes=meter.bytes,
            rows=rows,
            rejected=rejected,
            blank_lines=blank_lines,
            layout=contents.layout.name,
            raw_table=contents.layout.table.qualified,
            first_line=first_line,
            header_lines=contents.header_lines,
            options=options | said,
        )

    def _notes_on_dates(self, cursor: extensions.cursor, entry: ledger.Entry) -> tuple[str, ...]:
        layout = next(layout for layout in self.source.layouts if layout.name == entry.layout)
        if entry.load_id is None or layout.date is None or named_dates.date_in_name(self.file.name) is None:
            return ()
        texts = named_dates.landed_dates(cursor, layout, entry.load_id)
        return named_dates.notes_on_dates(self.file.name, texts, self.force)

    def _notes(self, cursor: extensions.cursor, entry: ledger.Entry) -> Iterator[str]:
        if entry.status == "empty":
            yield "a header and no rows"
        if entry.blank_lines:
            yield f"{entry.blank_lines:,} blank line{'s' if entry.blank_lines > 1 else ''}"
        if latin1 := entry.options.get("latin1_lines"):
            yield f"{latin1} line{'s' if latin1 > 1 else ''} read as latin-1, not being UTF-8"
        if "encoding" in entry.options:
            yield f"read as {entry.options['encoding']}, as its byte order mark says"
        assert entry.sha256
        if entry.rows and (twin := ledger.same_bytes(cursor, self.source, self.file.uri, entry.sha256)):
            yield f"the same bytes as load {twin[0]} ({twin[1]})"
