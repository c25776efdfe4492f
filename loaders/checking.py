"""What would become of files if they were landed; nothing is written, and no database is needed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loaders import layouts
from loaders.copying import Meter
from loaders.files import DAMAGE, DataFile, Stream, Unreadable, damaged, expand
from loaders.formats import table_text
from loaders.landing import Listener, choose_layout, members, size_of
from loaders.lines import Reject, judge, read_head
from loaders.registry import Source, source_named
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
    rows, rejected : int
        Lines that would land, and that would not.
    rejects : tuple of Reject
        The first of the rejected lines.
    latin1_lines : int
        Lines that are no UTF-8 and would be read as latin-1.
    error : str or None
        Of `failed` and `skipped`: why.
    """

    uri: str
    name: str
    status: str
    layout: str | None = None
    rows: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    latin1_lines: int = 0
    error: str | None = None


def check(source: str, paths: Iterable[str | Path], *, listener: Listener | None = None) -> list[Verdict]:
    """Read and judge files without landing them.

    Judged is what landing judges: whether the file can be read to its end, its layout, and whether each line
    splits into the layout's columns. What the values say is judged by the build.

    Parameters
    ----------
    source : str
        Name of the source, such as `nse-minute`.
    paths : iterable of str or Path
        Files, folders and glob patterns.
    listener : Listener or None
        Hears of the progress.

    Returns
    -------
    list of Verdict
        One per file or archive member.

    Raises
    ------
    TickmartError
        The source is unknown.
    """
    wanted = source_named(source)
    listener = listener or Listener()
    found = expand(paths, wanted.suffixes)
    listener.expects(sum(size_of(item) for item in found))
    return [_verdict(wanted, file, listener) for item in found for file in members(item, wanted)]


def _verdict(source: Source, file: DataFile | Unreadable, listener: Listener) -> Verdict:
    if isinstance(file, Unreadable):
        return Verdict(file.uri, file.name, "failed", error=str(file.error))
    if file.skipped:
        return Verdict(file.uri, file.name, "skipped", error=file.skipped)
    listener.starts(file.name, file.size)
    try:
        return _judged(source, file, listener)
    except DAMAGE as error:
        return Verdict(file.uri, file.name, "failed", error=str(damaged(file.name, error)))
    except (TickmartError, OSError) as error:
        return Verdict(file.uri, file.name, "failed", error=str(error))


def _judged(source: Source, file: DataFile, listener: Listener) -> Verdict:
    with file.open(listener.reads) as stream:
        metered = Stream(Meter(stream, file.name))
        text = table_text(metered, file.name, source)
        if text is not None:
            layout, columns = choose_layout(source, text.names, file.name)
            batches = text.batches(columns, 1)
        else:
            head = read_head(metered, file.name)
            header = layouts.split_header(head.header)
            layout, columns = choose_layout(source, header.names, file.name)
            batches = judge(head, len(columns), header.trailing_comma, 1)
        rows = rejected = latin1 = 0
        shown: list[Reject] = []
        for batch in batches:
            rows += batch.rows
            rejected += len(batch.rejects)
            latin1 += batch.latin1
            shown += batch.rejects[: _SHOWN - len(shown)]
    status = "has rejects" if rejected else "good" if rows else "empty"
    return Verdict(file.uri, file.name, status, layout.name, rows, rejected, tuple(shown), latin1)
