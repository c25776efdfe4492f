"""A whole file as batches of text, as often as somebody wants to look through it."""

import io
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pyarrow as pa
import pyarrow.csv

from loaders.landing.files import DataFile, Stream
from loaders.landing.lines import decoded
from loaders.recognising.structure import Structure
from warehouse.errors import TickmartError

_BLOCK = 2 << 20  # a batch takes some thirty times its block


class Table(Protocol):
    """The rows of a file, whatever its format."""

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """Yield the texts of some columns, by their places from 0, in batches of rows; NULL where empty."""


class LinesTable:
    """The rows of a file of lines; a line with another number of fields is passed over.

    Parameters
    ----------
    file : DataFile
    structure : Structure
    """

    def __init__(self, file: DataFile, structure: Structure) -> None:
        self._file = file
        self._structure = structure

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """Yield the texts of some columns; while one batch is looked at, the next one is divided.

        Raises
        ------
        TickmartError
            The file cannot be read to its end.
        """
        return _one_ahead(self._divided(places))

    def _divided(self, places: Sequence[int]) -> Generator[list[pa.Array]]:
        names = [str(place) for place in range(self._structure.width)]
        wanted = [names[place] for place in dict.fromkeys(places)]
        with self._file.open() as stream:
            text, _ = decoded(stream)
            try:
                reader = pa.csv.open_csv(
                    _AsFile(text),
                    pa.csv.ReadOptions(
                        use_threads=False,
                        block_size=_BLOCK,
                        skip_rows=self._structure.header_lines,
                        column_names=names,
                    ),
                    pa.csv.ParseOptions(
                        delimiter=self._structure.delimiter, invalid_row_handler=lambda _: "skip"
                    ),
                    pa.csv.ConvertOptions(
                        check_utf8=False,
                        include_columns=wanted,
                        column_types=dict.fromkeys(wanted, pa.string()),
                        null_values=[""],
                        strings_can_be_null=True,
                    ),
                )
                for batch in reader:
                    yield [batch.column(names[place]) for place in places]
            except pa.ArrowInvalid as error:
                if "Empty CSV file" in str(error):
                    return
                raise TickmartError(
                    f"{self._file.name} cannot be divided into lines ({' '.join(str(error).split())})"
                ) from error


def _one_ahead(batches: Generator[list[pa.Array]]) -> Iterator[list[pa.Array]]:
    try:
        with ThreadPoolExecutor(1) as beside:
            coming = beside.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = beside.submit(next, batches, None)
                yield batch
    finally:
        batches.close()


class _AsFile(io.RawIOBase):
    """A stream in the form that Arrow reads."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        # Arrow takes what comes for a whole block
        pieces, left = [], size
        while left > 0 and (data := self._stream.read(left)):
            pieces.append(data)
            left -= len(data)
        return b"".join(pieces)
