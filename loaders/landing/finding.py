"""Which source each of some files is of, found by their headers."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from loaders import layouts
from loaders.landing.files import DAMAGE, DataFile, PassedOver, Stream, Unreadable, data_files, expand
from loaders.landing.json_text import looks_like_json
from loaders.landing.lines import read_head
from loaders.landing.parquet import MAGIC, ParquetText
from loaders.source import Source
from loaders.sources import SOURCES
from warehouse.errors import TickmartError

# What takes files that no other source knows.
ANYBODYS_LINES, ANYBODYS_PARQUET = "csv", "parquet"
_FIRST_ROW = 64 << 10


def files_by_source(paths: Iterable[str | Path]) -> Mapping[str, list[str]]:
    """Return the files that paths name by the source that they are of, in the order of the paths.

    The header decides; a file that fits no known source is anybody's CSV or Parquet. A path that cannot be
    read goes to that, too, which says why.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, folders and patterns.

    Raises
    ------
    TickmartError
        A file fits the layouts of several sources.
    """
    suffixes = tuple(dict.fromkeys(suffix for source in SOURCES.values() for suffix in source.suffixes))
    found: dict[str, list[str]] = {}
    for item in expand(paths, suffixes):
        if isinstance(item, Path):
            found.setdefault(_source_of(item, suffixes), []).append(str(item))
        elif isinstance(item, Unreadable):
            found.setdefault(ANYBODYS_LINES, []).append(item.name)
        # what a folder holds beside data is said by the sources that take its files
    return found


def files_of(source: Source, paths: Iterable[str | Path]) -> Iterator[DataFile]:
    """Yield the data files of a source that paths name; each is valid until the next is asked for."""
    for item in expand(paths, source.suffixes):
        if isinstance(item, Path):
            yield from (file for file in data_files(item, source.suffixes) if isinstance(file, DataFile))


def what_applies(
    source: Source, as_of: date | None, options: Mapping[str, str]
) -> tuple[date | None, Mapping[str, str]]:
    """Return, of a day and options said for files of many sources, what those of one source take.

    The day is for files that do not say it themselves, the options for files of anybody's layout.
    """
    return as_of if source.undated else None, options if source.recognise is not None else {}


def _source_of(path: Path, suffixes: tuple[str, ...]) -> str:
    for file in data_files(path, suffixes):
        if isinstance(file, DataFile):
            try:
                with file.open() as stream:
                    return _source_of_stream(stream, file)
            except (OSError, *DAMAGE):
                break
        if isinstance(file, PassedOver):
            continue
        break
    return ANYBODYS_LINES


def _source_of_stream(stream: Stream, file: DataFile) -> str:
    known = [source for source in SOURCES.values() if source.recognise is None]
    if stream.first(len(MAGIC)) == MAGIC:
        return _one(known, ParquetText(stream, file.name).names, file) or ANYBODYS_PARQUET
    if looks_like_json(stream):
        documents = [source.name for source in known if source.rows_of_json is not None]
        return documents[0] if len(documents) == 1 else ANYBODYS_LINES
    try:
        head = read_head(stream, file.name)
    except TickmartError:
        return ANYBODYS_LINES
    first = head.body.first(_FIRST_ROW).split(head.line_end)[0].decode("utf-8", "replace")
    names = layouts.split_header(head.header).names
    return _one(known, names, file, layouts.split_header(first).names) or ANYBODYS_LINES


def _one(
    known: Iterable[Source], names: tuple[str, ...], file: DataFile, first_row: tuple[str, ...] = ()
) -> str | None:
    fitting = [source.name for source in known if _fits(source, names, first_row)]
    if len(fitting) > 1:
        raise TickmartError(
            f"{file.name} fits {' and '.join(fitting)}. Say which it is: tickmart load {fitting[0]} …"
        )
    return fitting[0] if fitting else None


def _fits(source: Source, names: tuple[str, ...], first_row: tuple[str, ...]) -> bool:
    chosen = layouts.choose(names, source.layouts)
    if chosen is None:
        return False
    layout, columns = chosen
    if layout.told_by is None or not first_row:
        return True
    column, value = layout.told_by
    place = columns.index(column)
    return place < len(first_row) and first_row[place] == value
