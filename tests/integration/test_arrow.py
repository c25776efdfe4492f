"""Arrow in and out of a real server: every type, NULLs, exact decimals, bounded memory, one transaction."""

import random
import resource
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pytest
from sqlalchemy import URL

from warehouse.database import connect
from warehouse.database.arrow import _Decoder, copy_in, copy_out, numeric_as_float
from warehouse.errors import TickmartError

TYPES = """
select * from (values
    (1::bigint, 2::int, 3::smallint, 1.5::float8, 0.5::real, true, 'a;b'::text, '2025-03-12'::date,
     '2025-03-12 09:15:59.000001+05:30'::timestamptz, 123.450::numeric),
    (null, null, null, null, null, null, null, null, null, null),
    (-9, -8, (-7)::smallint, 'nan', '-inf', false, 'é', '1901-01-01', '1969-12-31 23:59:59Z', -0.05)
) as t (big, whole, small, real8, real4, flag, words, day, moment, amount)
"""


@pytest.fixture
def connection(database: URL) -> Iterator[psycopg2.extensions.connection]:
    with connect() as opened:
        yield opened
        opened.rollback()


def test_every_type_arrives_as_its_arrow_type_and_null_stays_null(
    connection: psycopg2.extensions.connection,
) -> None:
    [batch] = copy_out(connection, TYPES)

    assert [str(column.type) for column in batch.columns] == [
        "int64",
        "int32",
        "int16",
        "double",
        "float",
        "bool",
        "string",
        "date32[day]",
        "timestamp[us, tz=UTC]",
        "double",
    ]
    first, missing, last = (list(row.values()) for row in batch.to_pylist())
    moment = datetime(2025, 3, 12, 3, 45, 59, 1, tzinfo=UTC)
    assert first == [1, 2, 3, 1.5, 0.5, True, "a;b", date(2025, 3, 12), moment, 123.45]
    assert missing == [None] * 10
    assert last[0:3] == [-9, -8, -7]
    assert last[3] != last[3]
    assert last[4:8] == [float("-inf"), False, "é", date(1901, 1, 1)]
    assert last[8:] == [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), -0.05]


def test_a_schema_renames_widens_and_chooses_the_form_of_numeric(
    connection: psycopg2.extensions.connection,
) -> None:
    schema = pa.schema(
        [
            ("a", pa.int64()),
            ("b", pa.float64()),
            ("c", pa.decimal128(9, 2)),
            ("d", pa.dictionary(pa.int32(), pa.string())),
        ]
    )

    [batch] = copy_out(connection, "select 7::int, 0.1, 22500.5, 'NIFTY'", schema=schema)

    assert batch.schema.equals(schema)
    assert batch.to_pylist() == [{"a": 7, "b": 0.1, "c": Decimal("22500.50"), "d": "NIFTY"}]


def test_numbers_of_any_size_arrive_exactly_as_decimals_and_correctly_rounded_as_floats(
    connection: psycopg2.extensions.connection,
) -> None:
    generator = random.Random(7)
    values = [
        Decimal(generator.randint(-(10**digits), 10**digits)).scaleb(-generator.randint(0, 12))
        for digits in range(25)
        for _ in range(40)
    ]
    with connection.cursor() as cursor:
        cursor.execute("create temp table amounts (place serial, value numeric)")
        cursor.execute("insert into amounts (value) select unnest(%s)", (values,))
    query = "select value from amounts order by place"

    [decimals] = copy_out(connection, query, schema=pa.schema([("value", pa.decimal128(38, 12))]))
    [floats] = copy_out(connection, query)
    [wire] = copy_out(connection, query, schema=pa.schema([("value", pa.binary())]))

    assert decimals.column(0).to_pylist() == values
    assert floats.column(0).to_pylist() == [float(value) for value in values]
    assert numeric_as_float(wire.column(0).slice(11, 500)).tolist() == floats.column(0).to_pylist()[11:511]


@pytest.mark.parametrize("value", ["0.001", "100000000.0", "'NaN'::numeric", "'Infinity'::numeric"])
def test_a_number_that_a_decimal_cannot_hold_is_an_error_and_never_rounded(
    connection: psycopg2.extensions.connection, value: str
) -> None:
    with pytest.raises(TickmartError, match=r"column price holds .* cannot hold exactly"):
        list(copy_out(connection, f"select {value}", schema=pa.schema([("price", pa.decimal128(9, 2))])))


def test_special_numbers_are_floats(connection: psycopg2.extensions.connection) -> None:
    [batch] = copy_out(
        connection, "select unnest(array['NaN', 'Infinity', '-Infinity', 0, 1e300]::numeric[])"
    )

    found = batch.column(0).to_pylist()
    assert found[0] != found[0]
    assert found[1:] == [float("inf"), float("-inf"), 0.0, 1e300]


def test_what_is_copied_out_and_in_again_is_equal_in_the_server(
    connection: psycopg2.extensions.connection,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"create temp table source as {TYPES}")
        cursor.execute("create temp table target (like source)")
    schema = next(copy_out(connection, "select * from source limit 0")).schema
    schema = schema.set(9, pa.field("amount", pa.binary()))

    written = copy_in(connection, "target", copy_out_whole(connection, "select * from source", schema))

    with connection.cursor() as cursor:
        cursor.execute("select count(*) from (select * from source except select * from target) as lost")
        assert (written, cursor.fetchone()) == (3, (0,))
        cursor.execute("select amount::text from target where amount > 0")
        assert cursor.fetchone() == ("123.450",)


def copy_out_whole(
    connection: psycopg2.extensions.connection, query: str, schema: pa.Schema
) -> list[pa.RecordBatch]:
    return list(copy_out(connection, query, schema=schema))


def test_decimals_go_into_numeric(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create temp table prices (price numeric, note text default 'none')")
    prices = pa.array([Decimal("22500.05"), None, Decimal("-0.01")], pa.decimal128(18, 2))

    copy_in(connection, "prices", [pa.RecordBatch.from_arrays([prices], names=["price"])])

    with connection.cursor() as cursor:
        cursor.execute("select price, note from prices")
        assert cursor.fetchall() == [
            (Decimal("22500.05"), "none"),
            (None, "none"),
            (Decimal("-0.01"), "none"),
        ]


def test_copy_in_belongs_to_the_callers_transaction(connection: psycopg2.extensions.connection) -> None:
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["m"]), pa.array([1], pa.int64())], names=["model", "load_id"]
    )

    copy_in(connection, "audit.built_loads", [batch])

    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.built_loads")
        assert cursor.fetchone() == (1,)
        connection.rollback()
        cursor.execute("select count(*) from audit.built_loads")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("price", pa.array([1], pa.int64()), "checked.price is double precision, the rows for it are int64"),
        ("cost", pa.array([1.0]), "checked has no column cost; it has price"),
    ],
)
def test_a_column_of_another_type_or_name_is_refused_before_anything_is_written(
    connection: psycopg2.extensions.connection, name: str, values: pa.Array, message: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create temp table checked (price float8)")

    with pytest.raises(TickmartError, match=message):
        copy_in(connection, "checked", [pa.RecordBatch.from_arrays([values], names=[name])])


def test_a_missing_table_is_named(connection: psycopg2.extensions.connection) -> None:
    with pytest.raises(TickmartError, match="there is no table nowhere"):
        copy_in(connection, "nowhere", [pa.RecordBatch.from_arrays([pa.array([1])], names=["a"])])


def test_no_rows_give_one_empty_batch_with_the_columns(connection: psycopg2.extensions.connection) -> None:
    batches = list(copy_out(connection, "select 1 as a, 'x'::text as b where %(wanted)s", {"wanted": False}))

    assert [(batch.num_rows, batch.schema.names) for batch in batches] == [(0, ["a", "b"])]


def test_order_and_batch_size_are_kept(connection: psycopg2.extensions.connection) -> None:
    batches = list(
        copy_out(
            connection,
            "select g from generate_series(1, 300000) as g order by g desc",
            batch_rows=70_000,
        )
    )

    assert max(batch.num_rows for batch in batches) <= 70_000
    assert [value for batch in batches for value in batch.column(0).to_pylist()] == [*range(300_000, 0, -1)]


def test_rows_larger_than_any_buffer_arrive_whole(connection: psycopg2.extensions.connection) -> None:
    batches = list(
        copy_out(connection, "select g, repeat(g::text, 9000000) as words from generate_series(1, 3) as g")
    )

    found = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["g"], len(row["words"])) for row in found] == [
        (1, 9_000_000),
        (2, 9_000_000),
        (3, 9_000_000),
    ]


def test_a_value_that_holds_the_row_marker_misleads_nothing() -> None:
    decoder = _Decoder([("words", 25), ("more", 25)], None)
    marker = decoder._marker
    texts = [[b"x" + marker, marker * 3], [marker, b""], [b"", marker + b"\0\0"], [b"end", b"end"]]
    rows = [marker + b"".join(len(text).to_bytes(4, "big") + text for text in row) for row in texts]
    schema = pa.schema([("words", pa.binary()), ("more", pa.binary())])
    decoder = _Decoder([("words", 17), ("more", 17)], schema)
    decoder._marker = marker

    batches, used = decoder.decode(b"".join(rows) + rows[0][:-5], 100)

    assert used == sum(map(len, rows))
    assert [list(row.values()) for row in batches[0].to_pylist()] == texts


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select '{1}'::int[] as list", "column list has a type .* cast it in the query"),
        ("select 'infinity'::date as day", "column day holds an infinite date or time"),
        ("select '-infinity'::timestamptz as moment", "column moment holds an infinite date or time"),
    ],
)
def test_what_arrow_cannot_say_is_a_clear_error(
    connection: psycopg2.extensions.connection, query: str, message: str
) -> None:
    with pytest.raises(TickmartError, match=message):
        list(copy_out(connection, query))


def test_a_schema_that_does_not_fit_is_refused(connection: psycopg2.extensions.connection) -> None:
    with pytest.raises(TickmartError, match="column a is double in the query, int64 in the schema"):
        copy_out(connection, "select 1.5::float8 as a", schema=pa.schema([("a", pa.int64())]))
    with pytest.raises(TickmartError, match=r"the query has 1 columns \(a\), the schema has 2 \(a, b\)"):
        copy_out(connection, "select 1 as a", schema=pa.schema([("a", pa.int32()), ("b", pa.int32())]))


def test_an_error_of_the_server_midway_is_raised(connection: psycopg2.extensions.connection) -> None:
    with pytest.raises(psycopg2.errors.DivisionByZero):
        list(copy_out(connection, "select 1 / (g - 400000) from generate_series(1, 500000) as g"))


def test_closing_early_frees_the_connection(connection: psycopg2.extensions.connection) -> None:
    stream = copy_out(connection, "select g, g * 2 from generate_series(1, 5000000) as g", batch_rows=1_000)
    next(stream)

    stream.close()

    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)
    assert "copy-out" not in {thread.name for thread in threading.enumerate()}


def test_memory_does_not_grow_with_the_rows(connection: psycopg2.extensions.connection) -> None:
    # 3 million rows are 190 MB of COPY and 150 MB of Arrow.
    list(copy_out(connection, "select g::bigint, g::text from generate_series(1, 200000) as g"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    rows = sum(
        batch.num_rows
        for batch in copy_out(
            connection,
            "select g::bigint as a, now() as b, 'NIFTY'::text as c, g::float8 as d"
            " from generate_series(1, 3000000) as g",
        )
    )

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert rows == 3_000_000
    assert grown < 60
