"""Arrow in and out of PostgreSQL, streamed through COPY BINARY on the caller's own connection."""

import os
import secrets
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import IO, Any

import numpy as np
import pgpq
import psycopg2
import psycopg2.extensions
import psycopg2.sql
import pyarrow as pa

from warehouse.errors import TickmartError

_PIPE_BLOCK = 1 << 20
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0"
_POSTGRES_EPOCH_MICROSECONDS = 946_684_800_000_000
_POSTGRES_EPOCH_DAYS = 10_957
_INFINITE_MICROSECONDS = np.iinfo(np.int64).max
_INFINITE_DAYS = np.iinfo(np.int32).max
_EXACT_POWERS_OF_TEN = np.array([10.0**k for k in range(23)])

_NUMERIC_OID = 1700
_ARROW_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    17: pa.binary(),
    18: pa.string(),
    19: pa.string(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    25: pa.string(),
    700: pa.float32(),
    701: pa.float64(),
    1042: pa.string(),
    1043: pa.string(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
    _NUMERIC_OID: pa.float64(),
}
# Widenings that lose nothing; any other pair of types needs a cast in the query.
_WIDENINGS: dict[int, tuple[pa.DataType, ...]] = {
    21: (pa.int32(), pa.int64()),
    23: (pa.int64(),),
    700: (pa.float64(),),
}


def copy_out(
    connection: psycopg2.extensions.connection,
    query: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    schema: pa.Schema | None = None,
    batch_rows: int = 131_072,
) -> Generator[pa.RecordBatch]:
    """Stream the rows of a query as Arrow record batches, in bounded memory.

    Parameters
    ----------
    connection : psycopg2 connection
        The query runs inside its current transaction. It is busy until the iterator is exhausted or
        closed: another statement on it would wait for ever. Closing early (`contextlib.closing`) cancels the
        query, which aborts the transaction.
    query : str
        A SELECT, with or without CTEs. Its order is kept.
    parameters : sequence or mapping, optional
        psycopg2 parameters of the query.
    schema : pyarrow.Schema, optional
        The columns wanted, in the order of the query. Without it types follow the query and `numeric`
        becomes float64. `numeric` may be asked for as `decimal128(p, s)` (a value that does not fit is an
        error, never rounded), as `float64` (correctly rounded), or as `binary` (the server's own bytes, which
        `copy_in` hands back unchanged to a numeric column).
    batch_rows : int
        Most rows of one batch.

    Yields
    ------
    pyarrow.RecordBatch
        At least one batch; an empty one where the query has no rows.

    Raises
    ------
    TickmartError
        The query has a type that is not supported, or a value does not fit the schema.
    psycopg2.Error
        As the server raises it.

    Notes
    -----
    NULL is kept as NULL. `timestamptz` is UTC in microseconds. Infinite dates and times, which Arrow cannot
    express, are an error.
    """
    with connection.cursor() as cursor:
        text = query
        if parameters:
            encoding = psycopg2.extensions.encodings[connection.encoding]
            text = cursor.mogrify(query, parameters).decode(encoding)
        text = text.strip().rstrip(";")
        cursor.execute(f"select * from (\n{text}\n) as described limit 0")
        described = [(column.name, column.type_code) for column in cursor.description or ()]
    return _stream(connection, text, _Decoder(described, schema), batch_rows)


def copy_in(
    connection: psycopg2.extensions.connection,
    table: str,
    batches: Iterable[pa.RecordBatch],
) -> int:
    """Append Arrow record batches to a table, inside the connection's current transaction.

    Parameters
    ----------
    connection : psycopg2 connection
        Neither committed nor rolled back here.
    table : str
        `schema.table`. Columns are matched by name; columns that the batches lack take their defaults.
    batches : iterable of pyarrow.RecordBatch
        Consumed one at a time, all of one schema. `binary` from `copy_out` and `decimal128` both go into
        `numeric`; every other type must be the column's own.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    TickmartError
        A column is missing or of another type. COPY BINARY itself would take the eight bytes of an integer
        for a float8.
    """
    source = iter(batches)
    first = next(source, None)
    if first is None:
        return 0
    _check_columns(connection, table, first.schema)
    encoded = _Encoded(first, source)
    statement = psycopg2.sql.SQL("copy {} ({}) from stdin (format binary)").format(
        psycopg2.sql.Identifier(*table.split(".")),
        psycopg2.sql.SQL(", ").join(map(psycopg2.sql.Identifier, first.schema.names)),
    )
    with connection.cursor() as cursor:
        # psycopg2 calls read alone, though its stubs ask for readline too.
        cursor.copy_expert(statement, encoded, size=_PIPE_BLOCK)  # type: ignore[arg-type]
    return encoded.rows


def numeric_as_float(column: pa.BinaryArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Convert a `numeric` column read as `binary` to the nearest float64; NaN where it is NULL.

    Parameters
    ----------
    column : pyarrow.BinaryArray
        As `copy_out` gives it.

    Returns
    -------
    (n,) float64
    """
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(
        np.int64
    )
    content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    valid = np.asarray(column.is_valid())
    result = np.full(len(column), np.nan)
    result[valid] = _numeric_floats(_Bytes(content), starts[:-1][valid], np.diff(starts)[valid])
    return result


def _check_columns(connection: psycopg2.extensions.connection, table: str, schema: pa.Schema) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname, atttypid, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
            (table,),
        )
        columns = {name: (oid, spelling) for name, oid, spelling in cursor.fetchall()}
    if not columns:
        raise TickmartError(f"there is no table {table}")
    for field in schema:
        if field.name not in columns:
            raise TickmartError(f"{table} has no column {field.name}; it has {', '.join(columns)}")
        oid, spelling = columns[field.name]
        if oid == _NUMERIC_OID:
            fits = pa.types.is_decimal(field.type) or field.type == pa.binary()
        else:
            native = _ARROW_TYPES.get(oid)
            fits = field.type == native or (native == pa.string() and pa.types.is_large_string(field.type))
        if not fits:
            raise TickmartError(
                f"{table}.{field.name} is {spelling}, the rows for it are {field.type}: cast them"
            )


class _Encoded:
    """The file that COPY reads: encodes a batch when the last one is used up."""

    def __init__(self, first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> None:
        self._schema = first.schema
        self._encoder = pgpq.ArrowToPostgresBinaryEncoder(first.schema)
        self._pending: pa.RecordBatch | None = first
        self._rest = rest
        self._block = memoryview(self._encoder.write_header())
        self._finished = False
        self.rows = 0

    def read(self, size: int = _PIPE_BLOCK, /) -> bytes:
        while not self._block and not self._finished:
            batch, self._pending = self._pending, None
            if batch is None:
                batch = next(self._rest, None)
            if batch is None:
                self._block = memoryview(self._encoder.finish())
                self._finished = True
            else:
                if not batch.schema.equals(self._schema):
                    raise TickmartError(
                        f"a batch has columns {batch.schema.names}, the first one had {self._schema.names}"
                    )
                self.rows += batch.num_rows
                self._block = memoryview(self._encoder.write_batch(batch))
        piece, self._block = self._block[:size], self._block[size:]
        return bytes(piece)


class _Bytes:
    """A byte buffer with big-endian reads at any positions."""

    def __init__(self, content: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        self.content = content
        self._padded = np.concatenate([content, np.zeros(8, np.uint8)]) if len(content) < 8 else content

    def at(self, positions: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
        size = np.dtype(kind).itemsize
        view = np.ndarray((len(self._padded) - size + 1,), dtype=kind, buffer=self._padded, strides=(1,))
        read: np.ndarray[Any, Any] = view[positions].astype(np.dtype(kind).newbyteorder("="), copy=False)
        return read


class _Decoder:
    """Turns whole COPY BINARY rows into record batches.

    Rows have no fixed length, so the query is given a first column with a random marker. Its bytes make
    candidates for row starts in one search; a candidate counts only when the row before it ends exactly
    there, so marker bytes inside a value mislead nothing.
    """

    def __init__(self, described: Sequence[tuple[str, int]], schema: pa.Schema | None) -> None:
        if schema is not None and len(schema) != len(described):
            raise TickmartError(
                f"the query has {len(described)} columns ({', '.join(name for name, _ in described)}), "
                f"the schema has {len(schema)} ({', '.join(schema.names)})"
            )
        self._oids = [oid for _, oid in described]
        fields = []
        for position, (name, oid) in enumerate(described):
            if oid not in _ARROW_TYPES:
                raise TickmartError(
                    f"column {name} has a type (oid {oid}) with no Arrow form here: cast it in the query"
                )
            if schema is None:
                fields.append(pa.field(name, _ARROW_TYPES[oid]))
                continue
            wanted = schema.field(position)
            if not _is_readable(oid, wanted.type):
                found = "numeric" if oid == _NUMERIC_OID else _ARROW_TYPES[oid]
                raise TickmartError(
                    f"column {name} is {found} in the query, {wanted.type} in the schema: cast it there"
                )
            fields.append(wanted)
        self.schema = pa.schema(fields, metadata=schema.metadata if schema is not None else None)
        # The first byte is one that numbers and text rarely hold, so that the search finds few false
        # candidates.
        self.marker_value = int.from_bytes(b"\xc5" + secrets.token_bytes(3), "big", signed=True)
        self._marker = (
            (len(fields) + 1).to_bytes(2, "big")
            + (4).to_bytes(4, "big")
            + self.marker_value.to_bytes(4, "big", signed=True)
        )

    def decode(
        self, block: bytes | bytearray | memoryview, batch_rows: int
    ) -> tuple[list[pa.RecordBatch], int]:
        """Return the batches of all whole rows in `block` and the number of bytes they took."""
        content = np.frombuffer(block, np.uint8)
        starts = self._candidates(content)
        if not len(starts):
            return [], 0
        source = _Bytes(content)
        positions, lengths, ends, whole = self._walk(source, starts)
        rows = self._chain(starts, ends, whole)
        if not len(rows):
            return [], 0
        batches = []
        for first in range(0, len(rows), batch_rows):
            chosen = rows[first : first + batch_rows]
            columns = [
                _column(source, positions[i][chosen], lengths[i][chosen], oid, field)
                for i, (oid, field) in enumerate(zip(self._oids, self.schema, strict=True))
            ]
            batches.append(pa.RecordBatch.from_arrays(columns, schema=self.schema))
        return batches, int(ends[rows[-1]])

    def _candidates(
        self, content: np.ndarray[Any, np.dtype[np.uint8]]
    ) -> np.ndarray[Any, np.dtype[np.int64]]:
        marker = self._marker
        searched = content[6 : len(content) - 3]
        starts = np.flatnonzero(searched == marker[6])
        for offset in (7, 8, 9, 1, 0, 2, 3, 4, 5):
            starts = starts[content[starts + offset] == marker[offset]]
        return starts

    def _walk(
        self, source: _Bytes, starts: np.ndarray[Any, Any]
    ) -> tuple[
        list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]], np.ndarray[Any, Any], np.ndarray[Any, Any]
    ]:
        limit = len(source.content)
        position = starts + len(self._marker)
        whole = np.ones(len(starts), bool)
        positions, lengths = [], []
        for _ in self._oids:
            whole &= position + 4 <= limit
            length = source.at(np.where(whole, position, 0), ">i4").astype(np.int64)
            whole &= length >= -1
            position = position + 4
            positions.append(position)
            lengths.append(length)
            position = position + np.maximum(length, 0)
            whole &= position <= limit
        return positions, lengths, position, whole

    @staticmethod
    def _chain(
        starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        if starts[0] != 0:
            raise TickmartError("the COPY stream does not begin with a row")
        kept = np.arange(len(starts))
        while True:
            broken = np.flatnonzero(~whole[kept] | np.append(ends[kept][:-1] != starts[kept][1:], False))
            if not len(broken):
                return kept
            row = int(broken[0])
            if not whole[kept[row]]:
                return kept[:row]
            following = row + 1 + int(np.searchsorted(starts[kept[row + 1 :]], ends[kept[row]]))
            if following < len(kept) and starts[kept[following]] != ends[kept[row]]:
                # What follows the last whole row is cut inside its marker; the rest were bytes of that row.
                return kept[: row + 1]
            kept = np.concatenate([kept[: row + 1], kept[following:]])


def _is_readable(oid: int, wanted: pa.DataType) -> bool:
    if oid == _NUMERIC_OID:
        return bool(pa.types.is_decimal128(wanted) or wanted in (pa.float64(), pa.binary()))
    if pa.types.is_string(_ARROW_TYPES[oid]):
        return bool(
            pa.types.is_string(wanted) or pa.types.is_large_string(wanted) or pa.types.is_dictionary(wanted)
        )
    return bool(wanted == _ARROW_TYPES[oid] or wanted in _WIDENINGS.get(oid, ()))


def _column(
    source: _Bytes,
    positions: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    oid: int,
    field: pa.Field,
) -> pa.Array:
    missing = lengths < 0
    has_missing = bool(missing.any())
    wanted = field.type
    native = _ARROW_TYPES[oid]
    if pa.types.is_string(native) or wanted == pa.binary():
        return _variable(source, positions, np.maximum(lengths, 0), missing if has_missing else None, wanted)
    # A NULL has no bytes; any readable place will do, the mask hides what stands there.
    safe = np.where(missing, 0, positions) if has_missing else positions
    if oid == _NUMERIC_OID:
        values: np.ndarray[Any, Any]
        present = np.flatnonzero(~missing)
        if pa.types.is_decimal128(wanted):
            return _decimals(source, positions, lengths, present, field)
        values = np.zeros(len(positions))
        values[present] = _numeric_floats(source, positions[present], lengths[present])
    elif native == pa.bool_():
        values = source.at(safe, "u1").astype(bool)
    elif pa.types.is_date(native):
        values = source.at(safe, ">i4")
        _refuse_infinite(values, missing, _INFINITE_DAYS, field.name)
        values = values + np.int32(_POSTGRES_EPOCH_DAYS)
    elif pa.types.is_timestamp(native):
        values = source.at(safe, ">i8")
        _refuse_infinite(values, missing, _INFINITE_MICROSECONDS, field.name)
        values = values + np.int64(_POSTGRES_EPOCH_MICROSECONDS)
    else:
        kind = np.dtype(native.to_pandas_dtype())
        values = source.at(safe, f">{kind.kind}{kind.itemsize}")
    storage = (
        pa.int64() if pa.types.is_timestamp(wanted) else pa.int32() if pa.types.is_date(wanted) else None
    )
    array = pa.array(values, type=storage, mask=missing if has_missing else None)
    if array.type == wanted:
        return array
    return array.view(wanted) if storage is not None else array.cast(wanted)


def _refuse_infinite(
    values: np.ndarray[Any, Any], missing: np.ndarray[Any, Any], largest: int, name: str
) -> None:
    if ((np.abs(values) >= largest) & ~missing).any() or ((values == -largest - 1) & ~missing).any():
        raise TickmartError(
            f"column {name} holds an infinite date or time: filter or replace it in the query"
        )


def _variable(
    source: _Bytes,
    positions: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    missing: np.ndarray[Any, Any] | None,
    wanted: pa.DataType,
) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    total = int(offsets[-1])
    if total > np.iinfo(np.int32).max:
        raise TickmartError("one batch holds more than 2 GiB of text: ask for fewer batch_rows")
    gather = np.arange(total, dtype=np.int64) + np.repeat(positions - offsets[:-1], lengths)
    validity = None if missing is None else pa.array(~missing).buffers()[1]
    storage = pa.binary() if wanted == pa.binary() else pa.string()
    array = pa.Array.from_buffers(
        storage,
        len(lengths),
        [validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(source.content[gather])],
    )
    if wanted == storage:
        return array
    return array.dictionary_encode().cast(wanted) if pa.types.is_dictionary(wanted) else array.cast(wanted)


def _numeric_header(
    source: _Bytes, positions: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    digits = source.at(positions, ">i2").astype(np.int64)
    weight = source.at(positions + 2, ">i2").astype(np.int64)
    sign = source.at(positions + 4, ">u2").astype(np.int64)
    return digits, weight, sign


def _numeric_floats(
    source: _Bytes, positions: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not len(positions):
        return np.zeros(0)
    digits, weight, sign = _numeric_header(source, positions)
    # Up to four base-10000 digits make an integer that int64 holds. Where it is below 2**53 and the power of
    # ten at most 22, both are exact in float64, so one multiplication or division rounds correctly.
    mantissa = np.zeros(len(positions), np.int64)
    for place in range(4):
        more = digits > place
        mantissa[more] = mantissa[more] * 10_000 + source.at(positions[more] + 8 + 2 * place, ">i2")
    exponent = 4 * (weight - digits + 1)
    exact = (digits <= 4) & (mantissa < 2**53) & (np.abs(exponent) <= 22) & ((sign == 0) | (sign == 0x4000))
    power = _EXACT_POWERS_OF_TEN[np.where(exact, np.abs(exponent), 0)]
    result: np.ndarray[Any, np.dtype[np.float64]] = np.where(
        exponent >= 0, mantissa * power, mantissa / power
    )
    np.negative(result, out=result, where=sign == 0x4000)
    for i in np.flatnonzero(~exact):
        result[i] = float(
            _numeric_decimal(source.content[positions[i] : positions[i] + lengths[i]].tobytes())
        )
    return result


def _decimals(
    source: _Bytes,
    positions: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    present: np.ndarray[Any, Any],
    field: pa.Field,
) -> pa.Array:
    scale = field.type.scale
    at = positions[present]
    digits, weight, sign = _numeric_header(source, at)
    # In units of the scale: digit i weighs 10 ** (4 * (weight - i) + scale). The fast way holds while every
    # weight is a whole power of ten and the sum stays below 10 ** 18.
    unscaled = np.zeros(len(present), np.int64)
    fast = ((sign == 0) | (sign == 0x4000)) & (4 * (weight + 1) + scale <= 18) & (digits <= 5)
    for place in range(5):
        rows = np.flatnonzero(fast & (digits > place))
        power = 4 * (weight[rows] - place) + scale
        digit = source.at(at[rows] + 8 + 2 * place, ">i2").astype(np.int64)
        divisor = 10 ** np.clip(-power, 0, 18)
        fast[rows[digit % divisor != 0]] = False
        unscaled[rows] += np.where(power >= 0, digit * 10 ** np.maximum(power, 0), digit // divisor)
    np.negative(unscaled, out=unscaled, where=sign == 0x4000)
    fast &= np.abs(unscaled) < 10 ** min(field.type.precision, 18)
    words = np.zeros((len(positions), 2), "<i8")
    words[present, 0] = unscaled
    words[present, 1] = unscaled >> 63
    for i in np.flatnonzero(~fast):
        value = _numeric_decimal(source.content[at[i] : at[i] + lengths[present[i]]].tobytes())
        with localcontext(prec=200):
            shifted = value.scaleb(scale) if value.is_finite() else value
            fits = value.is_finite() and shifted == shifted.to_integral_value()
            if not fits or abs(shifted) >= 10**field.type.precision:
                raise TickmartError(
                    f"column {field.name} holds {value}, which {field.type} cannot hold exactly"
                )
        words[present[i]] = np.frombuffer(int(shifted).to_bytes(16, "little", signed=True), "<i8")
    mask = np.zeros(len(positions), bool)
    mask[present] = True
    validity = None if len(present) == len(positions) else pa.array(mask).buffers()[1]
    return pa.Array.from_buffers(field.type, len(positions), [validity, pa.py_buffer(words)])


def _numeric_decimal(wire: bytes) -> Decimal:
    count, weight, sign, _ = np.frombuffer(wire[:8], ">i2").tolist()
    sign &= 0xFFFF
    if sign == 0xC000:
        return Decimal("NaN")
    if sign in (0xD000, 0xF000):
        return Decimal("Infinity" if sign == 0xD000 else "-Infinity")
    mantissa = 0
    for digit in np.frombuffer(wire[8 : 8 + 2 * count], ">i2").tolist():
        mantissa = mantissa * 10_000 + digit
    digits = tuple(map(int, str(mantissa)))
    return Decimal((1 if sign == 0x4000 else 0, digits, 4 * (weight - count + 1)))


class _CopyThread(threading.Thread):
    """Runs COPY TO on the connection and pushes its bytes into a pipe, whose other end is read in step.

    The pipe holds little, so a slow reader makes the server wait instead of filling memory.
    """

    def __init__(self, connection: psycopg2.extensions.connection, statement: str, sink: IO[bytes]) -> None:
        super().__init__(name="copy-out", daemon=True)
        self._connection = connection
        self._statement = statement
        self._sink = sink
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with self._sink, self._connection.cursor() as cursor:
                cursor.copy_expert(self._statement, self._sink)
        except (psycopg2.Error, OSError, ValueError) as error:
            self.error = error


def _stream(
    connection: psycopg2.extensions.connection, text: str, decoder: _Decoder, batch_rows: int
) -> Generator[pa.RecordBatch]:
    statement = (
        f"copy (select {decoder.marker_value}::int4, described.* from (\n{text}\n) as described)"
        " to stdout (format binary)"
    )
    read_end, write_end = os.pipe()
    source = os.fdopen(read_end, "rb", buffering=0)
    thread = _CopyThread(connection, statement, os.fdopen(write_end, "wb", buffering=_PIPE_BLOCK))
    thread.start()
    finished = False
    try:
        buffer = bytearray()
        header_left = len(_COPY_HEADER) + 8
        target = 4 * _PIPE_BLOCK
        held: list[pa.RecordBatch] = []
        held_rows = 0
        empty = True
        while block := source.read(_PIPE_BLOCK):
            buffer += block
            if header_left:
                if len(buffer) < header_left:
                    continue
                if not buffer.startswith(_COPY_HEADER):
                    raise TickmartError("the server's answer is no COPY BINARY stream")
                del buffer[:header_left]
                header_left = 0
            if len(buffer) < target:
                continue
            # A copy, because a buffer under a numpy view cannot shrink.
            batches, used = decoder.decode(bytes(buffer), batch_rows)
            del buffer[:used]
            # A row larger than the target would otherwise be parsed again for every block.
            target = max(4 * _PIPE_BLOCK, 2 * len(buffer))
            for batch in batches:
                if held_rows + batch.num_rows > batch_rows:
                    yield _joined(held)
                    empty, held, held_rows = False, [], 0
                held.append(batch)
                held_rows += batch.num_rows
        thread.join()
        finished = True
        if thread.error is not None:
            raise thread.error
        batches, used = decoder.decode(bytes(buffer), batch_rows)
        if bytes(buffer[used:]) != b"\xff\xff":
            raise TickmartError("the COPY stream ended inside a row")
        for batch in batches:
            if held_rows + batch.num_rows > batch_rows:
                yield _joined(held)
                empty, held, held_rows = False, [], 0
            held.append(batch)
            held_rows += batch.num_rows
        if held or empty:
            yield _joined(held) if held else pa.RecordBatch.from_pylist([], schema=decoder.schema)
    finally:
        if not finished:
            connection.cancel()
            source.close()
            thread.join()
        else:
            source.close()


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
