"""One file on its way in: compared with what its uri held, and copied whole or from where that ended."""

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg2
from psycopg2 import extensions

from loaders import layouts
from loaders.landing import copying, ledger, named_dates
from loaders.landing.contents import Contents, contents_of, reading_of
from loaders.landing.files import DataFile, Stream
from loaders.landing.outcomes import Listener, Outcome
from loaders.landing.raw_tables import lock_raw_table
from loaders.source import Reading, Source
from warehouse.errors import TickmartError

log = logging.getLogger(__name__)

_SAME, _GROWN = object(), object()
# Longer than any line of market data: shows how the last line before a continuation ended.
_TAIL = 4096


class _NoContinuationError(Exception):
    """The file has grown in a way that needs a load of the whole file."""


class OneFile:
    """One file on its way in, in the transaction of a connection."""

    def __init__(
        self,
        connection: extensions.connection,
        source: Source,
        file: DataFile,
        force: bool,
        said: dict[str, str],
        listener: Listener,
        started_at: datetime,
        symbol_of_name: str | None = None,
    ) -> None:
        self.connection = connection
        self.source = source
        self.file = file
        self.force = force
        self.said = said
        self.listener = listener
        self.started_at = started_at
        self.table: layouts.RawTable | None = None
        self.is_table = False
        self.continued: ledger.Held | None = None
        self.symbol_of_name = symbol_of_name

    @cached_property
    def reading(self) -> Reading | None:
        """How the file is read, where the source finds that out for each file."""
        reading = reading_of(self.file, self.source, self.said, self.symbol_of_name)
        self.listener.rereads()
        return reading

    def land(self) -> Outcome:
        """Land it, unless the ledger holds these bytes; the caller commits."""
        with self.connection.cursor() as cursor:
            held = ledger.held(cursor, self.source, self.file.uri)
            # Hashing a large file must not keep a transaction open.
            self.connection.rollback()
            now = self._compared(held)
            if held and now is _SAME:
                return self._already(held)
            lock_raw_table(cursor, self._look().layout.table, self.listener)
            now_held = ledger.held(cursor, self.source, self.file.uri)
            if now_held != held:
                # Another command landed this very file while this one waited.
                held, now = now_held, self._compared(now_held)
                if held and now is _SAME:
                    return self._already(held)
            return self._copy(cursor, held, may_continue=now is _GROWN)

    def _already(self, held: ledger.Held) -> Outcome:
        return Outcome(self.file.uri, self.file.name, "already loaded", held.load_id)

    def _compared(self, held: ledger.Held | None) -> object:
        """Compare the file with what its uri last held: it is the same, has grown, or (None) is another."""
        if held is None or self.force or self.said != held.said:
            return None
        with self.file.open(self.listener.reads) as stream:
            meter = copying.Meter(stream, self.file.name, mark=held.bytes)
            while meter.bytes <= held.bytes and meter.read(copying.CHUNK):
                pass
        self.listener.rereads()
        if meter.sha256_at_mark != held.sha256:
            return None
        return _GROWN if meter.bytes > held.bytes else _SAME

    def _look(self) -> Contents:
        """Find out what is wrong with the header, and where the rows go, before anybody has to wait."""
        with self.file.open() as stream:
            return self._contents(copying.Meter(stream, self.file.name))

    def _contents(self, meter: copying.Meter) -> Contents:
        contents = contents_of(Stream(meter), self.file, self.source, self.reading)
        seen = self.table, self.is_table
        self.table, self.is_table = contents.layout.table, contents.head is None
        if seen[0] is not None and seen != (self.table, self.is_table):
            raise self._changed()
        return contents

    def _changed(self) -> TickmartError:
        return TickmartError(f"{self.file.name} changed while it was read; load it again")

    def _copy(self, cursor: extensions.cursor, held: ledger.Held | None, may_continue: bool) -> Outcome:
        load_id = ledger.next_load_id(cursor)
        cursor.execute("savepoint before_copy")
        self.continued = held if may_continue else None
        rejects = copying.Rejects()
        try:
            entry = self._copied(cursor, load_id, rejects)
        except _NoContinuationError:
            self.continued = None
            self._begin_anew(cursor)
            entry = self._copied(cursor, load_id, rejects)
        if held and held.rows and not entry.rows and not self.continued and not self.force:
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
            held.load_id if held and not self.continued else None,
            entry.continues_load_id,
            (*self._notes(cursor, entry), *notes),
        )

    def _copied(self, cursor: extensions.cursor, load_id: int, rejects: copying.Rejects) -> ledger.Entry:
        entry = None if self.is_table else self._copy_clean(cursor, load_id)
        return entry or self._copy_judged(cursor, load_id, rejects)

    def _rest(self, contents: Contents, meter: copying.Meter) -> Contents:
        """Return the contents after the end of the load that is continued; all of them where no load is.

        Raises
        ------
        _NoContinuationError
            The file cannot be continued there.
        """
        held, head = self.continued, contents.head
        if held is None:
            return contents
        if head is None or head.encoding != "utf-8" or contents.layout.name != held.layout:
            raise _NoContinuationError
        if self.reading is not None and self.reading.kept() != held.options.get("reading"):
            raise _NoContinuationError
        lines, tail = head.header_lines, b""
        is_header_alone = head.body.taken == held.bytes
        while (left := held.bytes - head.body.taken) > 0:
            data = head.body.read(min(left, copying.CHUNK))
            if not data:
                raise self._changed()
            lines += data.count(head.line_end)
            tail = (tail + data)[-_TAIL:]
        if meter.sha256_at_mark != held.sha256:
            raise self._changed()
        if left < 0 or not (is_header_alone or tail.endswith(head.line_end)):
            # that load's last line had no line end: it may have been cut, and completed since
            raise _NoContinuationError
        return contents.continued(lines, tail.rstrip(b"\r\n").endswith(contents.delimiter.encode()))

    def _copy_clean(self, cursor: extensions.cursor, load_id: int) -> ledger.Entry | None:
        """Land the file's bytes as they are; return None, with nothing landed, if that is not possible."""
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

    def _meter(self, stream: Stream) -> copying.Meter:
        return copying.Meter(stream, self.file.name, self.continued.bytes if self.continued else None)

    def _begin_anew(self, cursor: extensions.cursor) -> None:
        cursor.execute("rollback to savepoint before_copy")
        self.listener.rereads()

    def _copy_bytes(self, cursor: extensions.cursor, load_id: int, may_be_plain: bool) -> ledger.Entry | None:
        with self.file.open(self.listener.reads) as stream:
            meter = self._meter(stream)
            contents = self._rest(self._contents(meter), meter)
            assert contents.head is not None
            feed = copying.Feed(contents.head.body, contents.head.line_end, may_be_plain)
            rows = copying.copy_clean(
                cursor, contents.layout.table, contents.columns, feed, contents.delimiter
            )
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
            meter = self._meter(stream)
            contents = self._rest(self._contents(meter), meter)
            rows, first_line, latin1, blank = copying.copy_judged(
                cursor,
                contents.layout.table,
                contents.columns,
                contents.judged_from,
                load_id,
                rejects,
                contents.delimiter,
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
            options=options | self.said | ({"force": True} if self.force else {}),
            continues_load_id=self.continued.whole_load_id if self.continued else None,
        )

    def _notes_on_dates(self, cursor: extensions.cursor, entry: ledger.Entry) -> tuple[str, ...]:
        layout = next(layout for layout in self.source.layouts if layout.name == entry.layout)
        if entry.load_id is None or layout.date is None or named_dates.date_in_name(self.file.name) is None:
            return ()
        texts = named_dates.landed_dates(cursor, layout, entry.load_id)
        return named_dates.notes_on_dates(self.file.name, texts, self.force)

    def _notes(self, cursor: extensions.cursor, entry: ledger.Entry) -> Iterator[str]:
        if entry.status == "empty":
            yield "no new rows" if entry.continues_load_id else "a header and no rows"
        if entry.blank_lines:
            yield f"{entry.blank_lines:,} blank line{'s' if entry.blank_lines > 1 else ''}"
        if latin1 := entry.options.get("latin1_lines"):
            yield f"{latin1} line{'s' if latin1 > 1 else ''} read as latin-1, not being UTF-8"
        if self.reading is not None and entry.status == "loaded":
            yield self.reading.told()
        if "encoding" in entry.options:
            yield f"read as {entry.options['encoding']}, as its byte order mark says"
        assert entry.sha256
        if entry.rows and (twin := ledger.same_bytes(cursor, self.source, self.file.uri, entry.sha256)):
            yield f"the same bytes as load {twin[0]} ({twin[1]})"
