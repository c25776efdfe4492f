"""Columns of an Arrow table, written as the text that a vendor's CSV would have."""

import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from loaders.landing.lines import Batch, Reject
from warehouse.errors import TickmartError


class TableText(Protocol):
    """A file that holds a table and no lines: its rows are numbered as lines from 1, its names are no line.

    Attributes
    ----------
    format : str
        What the ledger calls it.
    names : tuple of str
        Its columns, as the file spells them.
    """

    format: ClassVar[str]
    names: tuple[str, ...]

    def batches(self, columns: Sequence[str], first_line: int) -> Iterator[Batch]:
        """Yield the rows as CSV, each followed by its `_line`.

        Parameters
        ----------
        columns : sequence of str
            The raw columns, one per name, for messages.
        first_line : int
            The `_line` of the first row.
        """


def batch_of(
    table: pa.Table,
    columns: Sequence[str],
    positions: Sequence[int],
    first_line: int,
    file: str,
    exact_times: bool = False,
) -> Batch:
    """Write rows as CSV, each followed by its `_line`; those with a NUL byte are rejected.

    Dates are written `YYYY-MM-DD`, times `HH:MM:SS`, numbers without exponent, NaN as nothing.

    Parameters
    ----------
    table : pyarrow.Table or RecordBatch
    columns : sequence of str
        The raw columns, one per column of the table.
    positions : sequence of int
        The number of each row in the file, from 0.
    first_line : int
        The `_line` of the file's first row.
    file : str
        The file's name, for messages.
    exact_times : bool
        As for `text_of`.

    Raises
    ------
    TickmartError
        A column is of a type that has no text.
    """
    texts = [text_of(table.column(name), name, file, exact_times) for name in table.schema.names]
    numbers = pa.array(positions, pa.int64())
    return _without_nul(
        pa.table([*texts, pc.add(numbers, first_line)], names=[*columns, "_line"]), first_line
    )


def _without_nul(table: pa.Table, first_line: int) -> Batch:
    has_nul = pa.array([False] * table.num_rows, pa.bool_())
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
    pyarrow.csv.write_csv(good, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
    return Batch(sink.getvalue(), good.num_rows, rejects, 0)


def text_of(values: Any, column: str, file: str, exact_times: bool = False) -> Any:
    """Return the values of a column as text.

    Parameters
    ----------
    values : pyarrow.Array or ChunkedArray
    column, file : str
        For messages.
    exact_times : bool
        Whether times keep their fractions of seconds, and are written in UTC where they have a zone.

    Raises
    ------
    TickmartError
        The column is of a type that has no text.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return values.cast(pa.large_string())
    if pa.types.is_timestamp(kind) and exact_times:
        text = values.cast(pa.timestamp(kind.unit, "UTC" if kind.tz else None)).cast(pa.large_string())
        return pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
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
        raise TickmartError(f"{file}: column {column} is of type {kind}, which has no plain text")
    text = values.cast(pa.large_string())
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(text, r"\.0+$", "")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        text = pc.replace_substring_regex(text, r"^(-?\d+)\.0$", r"\1")
        if pc.any(pc.match_substring_regex(text, "[eE]")).as_py():
            return pa.array([_without_exponent(value) for value in text.to_pylist()], pa.large_string())
    return text


def _without_exponent(number: str | None) -> str | None:
    return f"{Decimal(number):f}" if number is not None and "e" in number.lower() else number
