"""How one file of anybody's layout is read, whatever its format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from loaders.landing.files import DataFile
from loaders.landing.lines import decoded, read_head
from loaders.landing.parquet import MAGIC, ParquetText
from loaders.recognising.reading import Reading
from loaders.recognising.recognise import recognise
from loaders.recognising.structure import Structure, structure_of
from loaders.recognising.tables import LinesTable, Table
from warehouse.errors import TickmartError

_BEGINNING = 256 << 10
_FIRST_ROWS = 400


@dataclass(frozen=True)
class Beginning:
    """A file whose names and first rows are known.

    Attributes
    ----------
    table : Table
        All its rows.
    structure : Structure
    """

    table: Table
    structure: Structure


def recognise_lines(file: DataFile, said: Mapping[str, str], symbol: str | None) -> Reading:
    """Return how a file of lines is read (`loaders.source.Recogniser`)."""
    if _is_parquet(file):
        raise TickmartError(f"{file.name} is a Parquet file. Try: tickmart load parquet")
    return recognise_any(file, said, symbol)


def recognise_parquet(file: DataFile, said: Mapping[str, str], symbol: str | None) -> Reading:
    """Return how a Parquet file is read (`loaders.source.Recogniser`)."""
    if not _is_parquet(file):
        raise TickmartError(f"{file.name} is no Parquet file. Try: tickmart load csv")
    return recognise_any(file, said, symbol)


def recognise_any(file: DataFile, said: Mapping[str, str], symbol: str | None) -> Reading:
    """Return how a file of lines or of Parquet is read (`loaders.source.Recogniser`)."""
    beginning = beginning_of(file)
    return recognise(beginning.table, beginning.structure, said, file.name, symbol)


def beginning_of(file: DataFile) -> Beginning:
    """Return the names and the first rows of a file.

    Raises
    ------
    TickmartError
        It cannot be read, or nothing divides its lines into columns.
    """
    return _of_parquet(file) if _is_parquet(file) else _of_lines(file)


def _is_parquet(file: DataFile) -> bool:
    with file.open() as stream:
        return stream.first(len(MAGIC)) == MAGIC


def _of_lines(file: DataFile) -> Beginning:
    with file.open() as stream:
        text, _ = decoded(stream)
        beginning = text.first(_BEGINNING)
    with file.open() as stream:
        read_head(stream, file.name)  # says what is wrong with an empty file, a page of HTML, an archive
    try:
        structure = structure_of(beginning.decode())
    except UnicodeDecodeError as error:
        is_cut = error.end > len(beginning) - 4
        structure = structure_of(beginning.decode("utf-8" if is_cut else "latin-1", "replace"))
    if structure is None:
        raise TickmartError(
            f"{file.name} has no columns: no comma, semicolon, tab or bar divides its lines into as many"
            " fields each"
        )
    return Beginning(LinesTable(file, structure), structure)


def _of_parquet(file: DataFile) -> Beginning:
    with file.open() as stream:
        text = ParquetText(stream, file.name, exact_times=True)
    table = _ParquetTable(text)
    first = islice(table.batches(range(len(text.names))), 1)
    rows = [
        tuple("" if cell is None else cell.strip() for cell in row)
        for batch in first
        for row in zip(*(column.slice(0, _FIRST_ROWS).to_pylist() for column in batch), strict=True)
    ]
    return Beginning(table, Structure(",", 0, text.names, tuple(rows)))


class _ParquetTable:
    def __init__(self, text: ParquetText) -> None:
        self._text = text

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        for batch in self._text.columns([self._text.names[place] for place in places]):
            yield [column.cast(pa.string()) for column in batch]
