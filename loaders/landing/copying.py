"""How one file's rows get into its raw table.

`copy_clean` sends the bytes to COPY as they are; `copy_judged` sends lines that were judged before, for a
file that COPY refused or that is not text.
"""

import csv
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO

import psycopg2
from psycopg2 import extensions, sql

from loaders.landing.files import DAMAGE, Readable, Stream, damaged
from loaders.landing.lines import LONGEST_LINE, Batch, Reject
from loaders.layouts import RawTable
from warehouse.errors import TickmartError

CHUNK = 1 << 20
_LOOKED_AT = 64 << 10
_COPIED_AT_ONCE = 8 << 20
_REJECTS_IN_MEMORY = 8 << 20


class Meter:
    """Bytes on their way, counted and hashed.

    Parameters
    ----------
    stream : Readable
    name : str
        The file's name, for the error when an archive turns out to be cut.
    mark : int or None
        After how many bytes `sha256_at_mark` is taken; it is None until that many have been read.
    """

    def __init__(self, stream: Readable, name: str, mark: int | None = None) -> None:
        self._stream = stream
        self._name = name
        self._sha256 = hashlib.sha256()
        self._mark = mark
        self.sha256_at_mark = self._sha256.hexdigest() if mark == 0 else None
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes.

        Raises
        ------
        TickmartError
            The archive is cut or damaged.
        """
        try:
            data = self._stream.read(size)
        except DAMAGE as error:
            raise damaged(self._name, error) from error
        except OSError as error:
            raise TickmartError(f"cannot read {self._name} to its end: {error.strerror or error}") from error
        to_mark = 0 if self._mark is None else self._mark - self.bytes
        if 0 < to_mark <= len(data):
            self._sha256.update(data[:to_mark])
            self.sha256_at_mark = self._sha256.hexdigest()
            self._sha256.update(data[to_mark:])
        else:
            self._sha256.update(data)
        self.bytes += len(data)
        return data

    def sha256(self) -> str:
        """Return the hash of the bytes read so far."""
        return self._sha256.hexdigest()


class NotPlain(Exception):  # noqa: N818 - not an error: the file is then read in another way
    """A quote or a backslash appeared in a file that was assumed to have none."""


class NotClean(Exception):  # noqa: N818 - not an error: the file's lines are then judged one by one
    """COPY would accept a line that does not count as a line here."""


class Feed:
    """A text body on its way to COPY: its lines are counted, and blank ones after the last are left out.

    Parameters
    ----------
    body : Stream
    line_end : bytes
        One byte that occurs once in every line end.
    may_be_plain : bool
        Whether to assume that the body has no quotes and backslashes, if it begins without any. COPY reads
        such a body a tenth faster in its text format, which is then the same as CSV.
    """

    def __init__(self, body: Stream, line_end: bytes, may_be_plain: bool) -> None:
        self.is_plain = may_be_plain and _is_plain(body.first(_LOOKED_AT))
        self._body = body
        self._line_end = line_end
        self._ends = b""
        self._ends_sent = 0
        self._any = False
        self._unfinished = 0
        self.error: BaseException | None = None

    @property
    def lines(self) -> int:
        """How many lines went by."""
        return self._ends_sent + self._any

    @property
    def blank(self) -> int:
        """How many blank lines followed the last line."""
        *ends, rest = self._ends.split(self._line_end)
        return max(len(ends) + bool(rest) - self._any, 0)

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return the next bytes; keep an error for the caller, because COPY would swallow its text."""
        try:
            while data := self._body.read(max(size, CHUNK)):
                text = data.rstrip(b"\r\n")
                if not text and len(self._ends) < CHUNK:
                    self._ends += data
                    continue
                if self.is_plain and not _is_plain(text):
                    raise NotPlain
                out = self._ends + text
                self._look_for_what_copy_takes(out)
                self._ends = data[len(text) :]
                self._ends_sent += out.count(self._line_end)
                self._any = True
                return out
        except BaseException as error:
            self.error = error
            raise
        return b""

    def _look_for_what_copy_takes(self, out: bytes) -> None:
        first = out.find(self._line_end)
        if first < 0:
            self._unfinished += len(out)
            longest = self._unfinished
        else:
            longest = self._unfinished + first
            if len(out) > LONGEST_LINE:
                longest = max(longest, *map(len, out.split(self._line_end)))
            self._unfinished = len(out) - out.rfind(self._line_end) - 1
        # Line ends of another kind pass within quotes; COPY's text format refuses them itself.
        if longest > LONGEST_LINE or (not self.is_plain and self._has_other_line_ends(out)):
            raise NotClean

    def _has_other_line_ends(self, out: bytes) -> bool:
        if self._line_end == b"\r":
            return b"\n" in out
        return b"\r" in out and out.count(b"\r") != out.count(b"\r\n")


class Rejects:
    """Rejected lines, kept until the ledger has the row that they belong to."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as this object
            max_size=_REJECTS_IN_MEMORY
        )
        self.count = 0

    def add(self, load_id: int, rejects: Sequence[Reject]) -> None:
        """Keep some more."""
        text = io.StringIO()
        csv.writer(text).writerows([load_id, r.line, r.text, r.reason] for r in rejects)
        self._file.write(text.getvalue().encode())
        self.count += len(rejects)

    def file(self) -> IO[bytes]:
        """Return them as CSV lines."""
        self._file.seek(0)
        return self._file


def copy_clean(
    cursor: extensions.cursor, table: RawTable, columns: Sequence[str], feed: Feed, delimiter: str
) -> int:
    """Send a body to COPY as it is and return how many rows came of it.

    Raises
    ------
    NotPlain
        A quote came late; read the file again with a feed that is not plain.
    NotClean, psycopg2.DataError
        COPY refused a line.
    TickmartError
        The file could not be read to its end.
    """
    statement = _copy_statement(table, columns, delimiter, "text" if feed.is_plain else "csv")
    return _copy(cursor, statement, feed)


def copy_judged(
    cursor: extensions.cursor,
    table: RawTable,
    columns: Sequence[str],
    judged_from: Callable[[int], Iterator[Batch]],
    load_id: int,
    rejects: Rejects,
    delimiter: str,
) -> tuple[int, int, int, int]:
    """Send the good lines to COPY and keep the others as rejects.

    Parameters
    ----------
    cursor : psycopg2 cursor
    table : RawTable
    columns : sequence of str
        The raw column of each field.
    judged_from : callable
        Gives the judged lines, counted from the `_line` that it is called with.
    load_id : int
    rejects : Rejects
        Takes the other lines.
    delimiter : str
        What divides the fields of a judged line.

    Returns
    -------
    rows : int
    first_line : int
        `_line` of the first line after the header, whether that is good or not.
    latin1 : int
        Lines that were not UTF-8.
    blank : int
        Lines that were blank.
    """
    cursor.execute("select pg_get_serial_sequence(%s, '_line')", (table.qualified,))
    (sequence,) = next(cursor)
    cursor.execute("select nextval(%s)", (sequence,))
    (first_line,) = next(cursor)
    statement = _copy_statement(table, (*columns, "_line"), delimiter)
    rows = waiting_rows = latin1 = blank = 0
    waiting = io.BytesIO()
    for batch in judged_from(first_line):
        waiting.write(batch.good)
        waiting_rows += batch.rows
        latin1 += batch.latin1
        blank += batch.blank
        rejects.add(load_id, batch.rejects)
        if waiting.tell() >= _COPIED_AT_ONCE:
            rows += _copy_exactly(cursor, statement, waiting, waiting_rows)
            waiting, waiting_rows = io.BytesIO(), 0
    rows += _copy_exactly(cursor, statement, waiting, waiting_rows)
    # The sequence goes past the numbers that were given out by hand, including the gaps for rejected and
    # blank lines.
    cursor.execute("select setval(%s, %s)", (sequence, first_line + rows + rejects.count + blank))
    return rows, first_line, latin1, blank


def _copy_exactly(cursor: extensions.cursor, statement: sql.Composable, lines: io.BytesIO, count: int) -> int:
    lines.seek(0)
    landed = _copy(cursor, statement, lines)
    if landed != count:
        raise TickmartError(
            f"COPY made {landed} rows of {count} lines that were judged good; please report this file"
        )
    return landed


def _copy(cursor: extensions.cursor, statement: sql.Composable, file: Feed | IO[bytes]) -> int:
    try:
        cursor.copy_expert(statement, file, size=CHUNK)  # type: ignore[arg-type]
    except SystemError as error:
        # psycopg2 stumbles over the message of a server that ends the connection within COPY.
        if isinstance(error.__cause__, psycopg2.Error):
            raise error.__cause__ from None
        raise
    except Exception:
        if (reason := getattr(file, "error", None)) is not None:
            raise reason from None
        raise
    return int(cursor.rowcount)


def _copy_statement(
    table: RawTable, columns: Sequence[str], delimiter: str, form: str = "csv"
) -> sql.Composable:
    return sql.SQL("copy {} ({}) from stdin (format {}, delimiter {}, null '', encoding 'UTF8')").format(
        sql.Identifier("raw", table.name),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(form),
        sql.Literal(delimiter),
    )


def _is_plain(text: bytes) -> bool:
    return b'"' not in text and b"\\" not in text
