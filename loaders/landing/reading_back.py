"""Lines of a file that was loaded before, read back from where it came."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from loaders.landing.copying import Meter
from loaders.landing.files import (
    AS_OF_MARK,
    DAMAGE,
    DataFile,
    Readable,
    Stream,
    Unreadable,
    damaged,
    data_files,
    path_of,
)
from loaders.landing.json_text import looks_like_json
from loaders.landing.lines import CHUNK, read_head
from loaders.landing.parquet import MAGIC
from warehouse.errors import TickmartError


@dataclass(frozen=True)
class Lines:
    """Lines read back, or why they cannot be.

    Attributes
    ----------
    texts : dict of int to str
        The line of each number, without its end.
    problem : str or None
        Why there are none: the file is gone, holds other bytes now, or has no lines.
    """

    texts: dict[int, str] = field(default_factory=dict)
    problem: str | None = None


def read_lines(
    uri: str, sha256: str | None, size: int | None, numbers: Iterable[int], suffixes: tuple[str, ...]
) -> Lines:
    """Read lines of a loaded file, provided that it still begins with the bytes that were loaded.

    All of these bytes are read once, in bounded memory, because their hash decides; the file may have grown
    since.

    Parameters
    ----------
    uri : str
        As the ledger has it: `file://` and the path, then `!member` for a member of an archive, then the day
        it was loaded as of.
    sha256 : str or None
        Of the uncompressed bytes that were loaded.
    size : int or None
        How many they are.
    numbers : iterable of int
        Line numbers, counted from 1 with the header.
    suffixes : tuple of str
        Which members of an archive count as data.

    Returns
    -------
    Lines
    """
    if not uri.startswith("file://"):
        return Lines(problem="a vendor's answer has rows, not lines")
    uri = uri.rpartition(AS_OF_MARK)[0] or uri
    path = path_of(uri)
    if not os.path.lexists(path):
        return Lines(problem="the file is no longer there")
    for file in data_files(path, suffixes):
        if isinstance(file, Unreadable):
            if uri.startswith(file.uri):
                return Lines(problem=str(file.error))
        elif isinstance(file, DataFile) and file.uri == uri:
            return _read(file, sha256, size, sorted(set(numbers)))
    return Lines(problem="the archive no longer holds it")


def _read(file: DataFile, sha256: str | None, size: int | None, numbers: list[int]) -> Lines:
    try:
        with file.open() as stream:
            meter = Meter(stream, file.name, size)
            metered = Stream(meter)
            if metered.first(len(MAGIC)) == MAGIC:
                return Lines(problem="a Parquet file has rows, not lines")
            if looks_like_json(metered):
                return Lines(problem="a JSON document has rows, not lines")
            head = read_head(metered, file.name, 0)
            texts = _pick(head.body, head.line_end, head.header_lines, numbers)
    except DAMAGE as error:
        return Lines(problem=str(damaged(file.name, error)))
    except TickmartError as error:
        return Lines(problem=str(error))
    if meter.sha256_at_mark != sha256:
        return Lines(problem="the file holds other bytes now")
    return Lines(texts)


def _pick(body: Readable, line_end: bytes, before: int, numbers: list[int]) -> dict[int, str]:
    picked: dict[int, str] = {}
    rest = b""
    while chunk := body.read(CHUNK):
        lines = (rest + chunk).split(line_end)
        rest = lines.pop()
        picked |= {n: _text(lines[n - before - 1]) for n in numbers if before < n <= before + len(lines)}
        before += len(lines)
    return picked | {n: _text(rest) for n in numbers if n == before + 1 and rest}


def _text(line: bytes) -> str:
    line = line.strip(b"\r\n")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
