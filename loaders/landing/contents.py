"""What a file holds: its layout, and its lines or rows, judged one by one."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from loaders import layouts
from loaders.landing.arrow_text import TableText
from loaders.landing.files import DataFile, Stream, path_of
from loaders.landing.formats import table_text
from loaders.landing.json_text import looks_like_json
from loaders.landing.lines import Batch, Head, judge, read_head
from loaders.source import Reading, Source
from loaders.sources import SOURCES
from warehouse.errors import TickmartError


@dataclass(frozen=True)
class Contents:
    """A file whose beginning was read.

    Attributes
    ----------
    layout : Layout
    columns : tuple of str
        The raw column of each of its names.
    header_lines : int
        Lines up to and including the header; 0 for a table, whose names are not a line.
    options : dict
        What the ledger says of how it was read.
    head : Head or None
        The beginning of a file of lines; None for a table.
    judged_from : callable
        Judges the lines that follow, once and in bounded memory; counts `_line` from the number that it is
        called with.
    trailing_comma : bool
        Whether the header ended in a comma, so that lines may too.
    delimiter : str
        What divides the fields of its lines.
    """

    layout: layouts.Layout
    columns: tuple[str, ...]
    header_lines: int
    options: dict[str, Any]
    head: Head | None
    judged_from: Callable[[int], Iterator[Batch]]
    trailing_comma: bool = False
    delimiter: str = ","

    def continued(self, lines: int, ends_in_comma: bool) -> "Contents":
        """Return the rest of a file of lines after its first lines were taken from the body.

        Parameters
        ----------
        lines : int
            How many lines of the file were taken, those of the header included.
        ends_in_comma : bool
            Whether the last of them ended in a comma.
        """
        assert self.head is not None
        head = replace(self.head, header_lines=lines)
        with_comma = ends_in_comma and lines > self.header_lines
        return replace(
            self,
            header_lines=lines,
            head=head,
            judged_from=partial(
                judge,
                head,
                len(self.columns),
                self.trailing_comma,
                with_comma=with_comma,
                delimiter=self.delimiter.encode(),
            ),
        )


def reading_of(file: DataFile, source: Source, said: Mapping[str, str], symbol: str | None) -> Reading | None:
    """Find out how a file is read, of a source that does so for each file; None for any other.

    Parameters
    ----------
    file : DataFile
    source : Source
    said : mapping of str to str
        What the user says of it, as the ledger keeps it.
    symbol : str or None
        The symbol that its name gives.

    Raises
    ------
    TickmartError
        It cannot be known; the message asks the question that decides it.
    """
    if source.recognise is None:
        return None
    with file.open() as stream:
        _refuse_documents(stream, file, source)
    return source.recognise(file, said, symbol)


def _refuse_documents(stream: Stream, file: DataFile, source: Source) -> None:
    if source.rows_of_json is None and looks_like_json(stream):
        commands = [command_for(other, file) for other in SOURCES.values() if other.rows_of_json is not None]
        raise TickmartError(
            f"{file.name} is a JSON document, and files of {source.name} are none."
            f" Try: {' or '.join(commands)}"
        )


def contents_of(stream: Stream, file: DataFile, source: Source, reading: Reading | None = None) -> Contents:
    """Read the beginning of a file, and find its layout among those of a source.

    Parameters
    ----------
    stream : Stream
        At the file's first byte.
    file : DataFile
        The file that the stream belongs to, for messages.
    source : Source
    reading : Reading or None
        How the file is read, where the source finds that out for each file.

    Raises
    ------
    TickmartError
        It is not a file of this source; if it is one of another source, the message says which command reads
        it.
    """
    _refuse_documents(stream, file, source)
    table = table_text(stream, file.name, source)
    if reading is not None:
        return _as_read(reading, table, stream, file)
    if table is not None:
        layout, columns = _layout(source, table.names, file)
        return Contents(layout, columns, 0, {"format": table.format}, None, partial(table.batches, columns))
    head = read_head(stream, file.name)
    header = layouts.split_header(head.header)
    layout, columns = _layout(source, header.names, file)
    options = {} if head.encoding == "utf-8" else {"encoding": head.encoding}
    judged_from = partial(judge, head, len(columns), header.trailing_comma)
    return Contents(layout, columns, head.header_lines, options, head, judged_from, header.trailing_comma)


def _as_read(reading: Reading, table: TableText | None, stream: Stream, file: DataFile) -> Contents:
    options: dict[str, Any] = {"reading": reading.kept()}
    layout, columns = reading.layout, reading.columns
    if table is not None:
        options["format"] = table.format
        return Contents(layout, columns, 0, options, None, partial(table.batches, columns))
    head = read_head(stream, file.name, reading.header_lines)
    if head.encoding != "utf-8":
        options["encoding"] = head.encoding
    delimiter = reading.delimiter
    judged_from = partial(judge, head, len(columns), False, delimiter=delimiter.encode())
    return Contents(layout, columns, head.header_lines, options, head, judged_from, delimiter=delimiter)


def _layout(source: Source, names: tuple[str, ...], file: DataFile) -> tuple[layouts.Layout, tuple[str, ...]]:
    chosen = layouts.choose(names, source.layouts)
    if chosen is not None:
        return chosen
    known = {name: other for name, other in SOURCES.items() if other.recognise is None}
    others = {
        name: found[0] for name, other in known.items() if (found := layouts.choose(names, other.layouts))
    }
    if not others:
        by_source = {source.name: source.layouts} | {name: other.layouts for name, other in known.items()}
        raise layouts.unknown_layout(file.name, names, by_source)
    owners = " and ".join(f"{layout.name} of {name}" for name, layout in others.items())
    commands = " or ".join(command_for(SOURCES[name], file) for name in others)
    raise TickmartError(
        f"{file.name} is not of {source.name}: {layouts.beginning(names)} are the layout {owners}."
        f" Try: {commands}"
    )


def command_for(source: Source, file: DataFile) -> str:
    """Return the command that loads a file as one of a source."""
    said = ["--as-of YYYY-MM-DD"] if source.undated else []
    said += [f"--{option.name} …" for option in source.options if option.required]
    return f"tickmart load {' '.join([source.name, *said])} {shlex.quote(str(path_of(file.uri)))}"
