"""A Parquet file, written as the text that a vendor's CSV would have."""

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from loaders.files import Readable
from loaders.lines import Batch, Reject
from warehouse.errors import TickmartError

MAGIC = b"PAR1"
_ROWS_AT_ONCE = 65_536
_IN_MEMORY = 64 << 20


class ParquetText:
    """A Parquet file as lines of CSV; its rows count as lines from 1, its schema as no line.

    Parameters
    ----------
    stream : Readable
        The whole file, which is kept in a temporary file: Parquet is read from its end.
    name : str
        The file's name, for messages.

    Raises
    ------
    TickmartError
        It is no whole Parquet file.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self._name = name
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as this object
            max_size=_IN_MEMORY
        )
        shutil.copyfileobj(stream, self._file, 1 << 20)
        self._file.seek(0)
        try:
            self._parquet = pyarrow.parquet.ParquetFile(self._file)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        # pandas writes its index as such columns; no vendor does.
        self.names = tuple(
            name for name in self._parquet.schema_arrow.names if not name.startswith("__index_level_")
        )

    def batches(self, columns: Sequence[str], first_line: int) -> Iterator[Batch]:
        """Yield the rows as CSV, each with its `_line` behind, in bounded memory.

        Dates are written `YYYY-MM-DD`, times `HH:MM:SS`, numbers without exponent, NaN as nothing.

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
                texts = [self._text(batch.column(name), name) for name in self.names]
                numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
                table = pa.table([*texts, pc.add(numbers, first_line)], names=[*columns, "_line"])
                row += batch.num_rows
                yield self._without_nul(table, first_line)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _without_nul(self, table: pa.Table, first_line: int) -> Batch:
        has_nul = pa.array([False] * table.num_rows)
        for text in table.columns[:-1]:
            has_nul = pc.or_(has_nul, pc.fill_null(pc.match_substring(text, "\0"), False))
        rejects = [
            Reject(
                row["_line"] - first_line + 1,
                ",".join("" if v is None else str(v) for v in list(row.values())[:-1]).replace("\0", "\\x00"),
                "NUL byte in the row",
            )
            for row in table.filter(has_nul).to_pylist()
        ]
        good = table.filter(pc.invert(has_nul)) if rejects else table
        sink = io.BytesIO()
        pyarrow.csv.write_csv(
            good, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        )
        return Batch(sink.getvalue(), good.num_rows, rejects, 0)

    def _text(self, values: Any, name: str) -> Any:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        kind = values.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
            return values.cast(pa.large_string())
        if pa.types.is_timestamp(kind):
            day = pc.strftime(values, "%Y-%m-%d")
            seconds = pc.strftime(values.cast(pa.timestamp("s", kind.tz), safe=False), "%H:%M:%S")
            is_midnight = pc.equal(seconds, "00:00:00")
            return pc.if_else(is_midnight, day, pc.binary_join_element_wise(day, seconds, " ")).cast(
                pa.large_string()
            )
        if pa.types.is_date64(kind):
            values = values.cast(pa.date32())
        elif pa.types.is_floating(kind):
            values = pc.if_else(pc.is_nan(values), None, values)
        elif pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise TickmartError(f"{self._name}: column {name} is of type {kind}, which has no plain text")
        text = values.cast(pa.large_string())
        if pa.types.is_time(kind):
            return pc.replace_substring_regex(text, r"\.0+$", "")
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            text = pc.replace_substring_regex(text, r"^(-?\d+)\.0$", r"\1")
            if pc.any(pc.match_substring_regex(text, "[eE]")).as_py():
                return pa.array([_without_exponent(value) for value in text.to_pylist()], pa.large_string())
        return text

    def _damaged(self, error: Exception) -> TickmartError:
        return TickmartError(
            f"{self._name} is no whole Parquet file ({' '.join(str(error).split())}); fetch it again"
        )


def _without_exponent(number: str | None) -> str | None:
    return f"{Decimal(number):f}" if number is not None and "e" in number.lower() else number
