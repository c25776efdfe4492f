"""A Parquet file, written as the text that a vendor's CSV would have."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, ClassVar

import pyarrow as pa
import pyarrow.parquet

from loaders.landing.arrow_text import batch_of, text_of
from loaders.landing.files import Readable
from loaders.landing.lines import Batch
from warehouse.errors import TickmartError

MAGIC = b"PAR1"
_ROWS_AT_ONCE = 65_536
_IN_MEMORY = 64 << 20
_BUFFER = 1 << 20


class ParquetText:
    """A Parquet file as lines of CSV; its rows are numbered as lines from 1, its schema is not a line.

    Parameters
    ----------
    stream : Readable
        The whole file, which is kept in a temporary file: Parquet is read from its end.
    name : str
        The file's name, for messages.
    exact_times : bool
        Whether times keep their fractions of seconds and their zone, as `2025-03-12 03:45:00.120+00:00`.

    Raises
    ------
    TickmartError
        It is not a whole Parquet file.
    """

    format: ClassVar[str] = "parquet"

    def __init__(self, stream: Readable, name: str, exact_times: bool = False) -> None:
        self._name = name
        self._exact_times = exact_times
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as this object
            max_size=_IN_MEMORY
        )
        shutil.copyfileobj(stream, self._file, 1 << 20)
        self._file.seek(0)
        try:
            # by default Arrow keeps a whole row group, and a file may be a single one
            self._parquet = pyarrow.parquet.ParquetFile(self._file, buffer_size=_BUFFER, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        # pandas writes its index as such columns; no vendor does.
        self.names = tuple(
            name for name in self._parquet.schema_arrow.names if not name.startswith("__index_level_")
        )

    def batches(self, columns: Sequence[str], first_line: int) -> Iterator[Batch]:
        """Yield the rows as CSV, each followed by its `_line`, in bounded memory.

        Parameters
        ----------
        columns : sequence of str
            The raw columns, one per name, for messages.
        first_line : int
            The `_line` of the first row.

        Raises
        ------
        TickmartError
            The file is damaged or a column is of a type that has no text.
        """
        row = 0
        try:
            for batch in self._parquet.iter_batches(_ROWS_AT_ONCE, columns=list(self.names)):
                positions = range(row, row + batch.num_rows)
                yield batch_of(batch, columns, positions, first_line, self._name, self._exact_times)
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def columns(self, names: Sequence[str]) -> Iterator[list[pa.Array]]:
        """Yield the text of some columns, in batches of rows and bounded memory.

        Raises
        ------
        TickmartError
            The file is damaged or a column is of a type that has no text.
        """
        try:
            for batch in self._parquet.iter_batches(_ROWS_AT_ONCE, columns=list(dict.fromkeys(names))):
                yield [text_of(batch.column(name), name, self._name, self._exact_times) for name in names]
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> TickmartError:
        return TickmartError(
            f"{self._name} is no whole Parquet file ({' '.join(str(error).split())}); fetch it again"
        )
