"""What would become of files if they were landed; nothing is written, and no database is needed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from loaders.landing import named_dates
from loaders.landing.contents import contents_of, reading_of
from loaders.landing.copying import Meter
from loaders.landing.files import DAMAGE, DataFile, PassedOver, Stream, Unreadable, expand
from loaders.landing.landing import (
    check_as_of,
    dated,
    members,
    said_of,
    size_of,
    symbols_of,
    why_it_failed,
)
from loaders.landing.lines import Reject
from loaders.landing.outcomes import Listener
from loaders.source import Reading, Source
from loaders.sources import SOURCES
from warehouse.errors import TickmartError

_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """What would become of one file or archive member.

    Attributes
    ----------
    uri, name : str
    status : str
        `good`, `has rejects`, `empty`, `skipped` or `failed`.
    layout : str or None
    rows, rejected, blank : int
        Lines that would land, that would not, and that are blank.
    rejects : tuple of Reject
        The first of the rejected lines.
    latin1_lines : int
        Lines that are not UTF-8 and would be read as latin-1.
    notes : tuple of str
        What a user should know though nothing would fail.
    error : str or None
        Of `failed` and `skipped`: why.
    preview : tuple of str
        How it is read and its first rows as they will be read, where that is found out for each file.
    """

    uri: str
    name: str
    status: str
    layout: str | None = None
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    rejects: tuple[Reject, ...] = ()
    latin1_lines: int = 0
    notes: tuple[str, ...] = ()
    error: str | None = None
    preview: tuple[str, ...] = ()

    @property
    def fits_nowhere(self) -> bool:
        """Whether there are lines and not one of them could be landed."""
        return self.rejected > 0 and self.rows == 0


def check(
    source: str,
    paths: Iterable[str | Path],
    *,
    as_of: date | None = None,
    options: Mapping[str, str] | None = None,
    force: bool = False,
    listener: Listener | None = None,
) -> list[Verdict]:
    """Read and judge files without landing them.

    This judges what landing judges: whether the file can be read to its end, its layout, whether each line
    splits into the layout's columns, and whether the file's name and its rows agree about the day. The build
    judges what the values say.

    Parameters
    ----------
    source : str
        Name of the source, such as `nse-minute`.
    paths : iterable of str or Path
        Files, folders and glob patterns.
    as_of : date or None
    options : mapping of str to str or None
        As for landing them.
    force : bool
        Allow what landing allows with `force`.
    listener : Listener or None
        Hears of the progress.

    Returns
    -------
    list of Verdict
        One per file or archive member.

    Raises
    ------
    TickmartError
        The source is unknown, or `as_of` is missing or makes no sense.
    """
    wanted = SOURCES.named(source)
    check_as_of(wanted, as_of)
    said = said_of(wanted, as_of, options)
    listener = listener or Listener()
    found = expand(paths, wanted.suffixes)
    listener.expects(sum(size_of(item) for item in found))
    symbols = symbols_of(wanted, found, said)
    return [
        _verdict(wanted, dated(file, as_of), force, said, listener, symbols.get(file.uri))
        for item in found
        for file in members(item, wanted)
    ]


def _verdict(
    source: Source,
    file: DataFile | Unreadable | PassedOver,
    force: bool,
    said: Mapping[str, str],
    listener: Listener,
    symbol: str | None,
) -> Verdict:
    if isinstance(file, PassedOver):
        return Verdict(file.uri, file.name, "skipped", error=file.why)
    try:
        if isinstance(file, Unreadable):
            raise file.error
        listener.starts(file.name, file.size)
        reading = reading_of(file, source, said, symbol)
        return _judged(source, file, force, reading, listener)
    except (TickmartError, OSError, *DAMAGE) as error:
        return Verdict(file.uri, file.name, "failed", error=why_it_failed(error, file.name))


def _judged(
    source: Source, file: DataFile, force: bool, reading: Reading | None, listener: Listener
) -> Verdict:
    with file.open(listener.reads) as stream:
        contents = contents_of(Stream(Meter(stream, file.name)), file, source, reading)
        rows = rejected = blank = latin1 = 0
        shown: list[Reject] = []
        dates = named_dates.JudgedDates(file.name, contents.layout, contents.columns)
        for batch in contents.judged_from(1):
            dates.look_at(batch.good)
            rows += batch.rows
            rejected += len(batch.rejects)
            blank += batch.blank
            latin1 += batch.latin1
            shown += batch.rejects[: _SHOWN - len(shown)]
    notes = named_dates.notes_on_dates(file.name, dates.texts, force)
    status = "has rejects" if rejected else "good" if rows else "empty"
    return Verdict(
        file.uri,
        file.name,
        status,
        contents.layout.name,
        rows,
        rejected,
        blank,
        tuple(shown),
        latin1,
        notes,
        preview=reading.preview() if reading else (),
    )
