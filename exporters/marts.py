"""What exporters read: the marts of one slice, as Arrow tables that hold whole contracts."""

import queue
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc

from exporters.exporter import Slice
from exporters.series import Series
from warehouse import exchanges
from warehouse.database.arrow import copy_out
from warehouse.errors import TickmartError

Kind = Literal["option", "future", "index", "equity"]
Interval = Literal["minute", "hour", "day"]

PRICE_SCALE = 8
PRICE = pa.decimal128(18, PRICE_SCALE)
SIZE = pa.decimal128(28, 8)
PRICES = ("open", "high", "low", "close")
GREEKS = ("delta", "gamma", "vega", "theta", "rho")
CHUNK_ROWS = 131_072
BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Contract:
    """What an exporter needs to know about an option, a future, an index or a share.

    Attributes
    ----------
    lot_size : int or None
        None where no source says.
    tick_size : Decimal or None
        None for indices, and where no source says.
    first_session : date or None
        The first session on which the exchange listed it, as far as the data go.
    expires_at : datetime or None
        Session close of the expiry, UTC.
    has_namesakes : bool
        Whether contracts of another exchange on the same underlying may have the same symbol.
    """

    kind: Kind
    symbol: str
    exchange: str
    underlying: str
    exchange_symbol: str | None = None
    expiry: date | None = None
    strike: Decimal | None = None
    option_type: str | None = None
    lot_size: int | None = None
    tick_size: Decimal | None = None
    first_session: date | None = None
    expires_at: datetime | None = None
    has_namesakes: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of its exchange; UTC where none is stated."""
        return exchanges.zone_of(self.exchange)

    @property
    def instrument(self) -> str:
        """The symbol in the alphabet that file names and every engine take."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.symbol)

    @property
    def file_name(self) -> str:
        """What a file of it is called: the instrument, with its exchange where another has a namesake."""
        return (
            f"{self.instrument}.{self.exchange}" if self.has_namesakes and self.exchange else self.instrument
        )


@dataclass(frozen=True, slots=True)
class BarMart:
    """One mart of bars."""

    kind: Kind
    interval: Interval

    @property
    def name(self) -> str:
        """The mart's name with its schema."""
        return _MARTS[self.kind, self.interval]

    @property
    def series(self) -> Series:
        """What a user calls its rows."""
        return _SERIES[self.interval]

    @property
    def has_loads(self) -> bool:
        """Whether its rows name the load that they came from."""
        return self.interval == "minute"


_MARTS: dict[tuple[Kind, Interval], str] = {
    ("option", "minute"): "marts.options_ticks",
    ("option", "hour"): "marts.options_hourly",
    ("option", "day"): "marts.options_daily",
    ("future", "minute"): "marts.futures_ticks",
    ("future", "hour"): "marts.futures_hourly",
    ("future", "day"): "marts.futures_daily",
    ("index", "minute"): "marts.spot_prices",
    ("index", "hour"): "marts.spot_hourly",
    ("index", "day"): "marts.spot_daily",
    ("equity", "minute"): "marts.equity_ticks",
    ("equity", "day"): "marts.equity_daily",
}
# What has a symbol and no contracts: all its rows are of one instrument.
_OF_A_SYMBOL = ("index", "equity")
# Of a share's rows those of one length, as they were traded, and not its bonds, rights and blocks.
_OF_SHARES: dict[Interval, str] = {
    "minute": "bar_interval = interval '1 minute' and adjusted_for = 'none'",
    "day": "(series is null or series in ('EQ', 'BE', 'BZ', 'SM', 'ST', 'SZ'))",
}
_SERIES: dict[Interval, Series] = {
    "minute": Series.MINUTE_BARS,
    "hour": Series.HOUR_BARS,
    "day": Series.DAY_BARS,
}
BAR_MARTS = tuple(BarMart(kind, interval) for kind, interval in _MARTS)


def require_marts(connection: psycopg2.extensions.connection) -> None:
    """Raise a TickmartError that names the first mart which the database lacks."""
    with connection.cursor() as cursor:
        for mart in BAR_MARTS:
            cursor.execute("select to_regclass(%s) is not null", [mart.name])
            if cursor.fetchone() != (True,):
                raise TickmartError(f"the database has no {mart.name}. Build it first: tickmart build")


def contracts(connection: psycopg2.extensions.connection, underlying: str, kind: Kind) -> dict[int, Contract]:
    """Return the contracts of an underlying by contract id; an index and a share have the id 0.

    Parameters
    ----------
    underlying : str
        As the marts spell it.
    """
    if kind in _OF_A_SYMBOL:
        exchange = _exchange_of(connection, kind, underlying)
        # an index may stand apart from any exchange; a symbol of which there is no row is no share
        is_there = kind == "index" or exchange is not None
        return {0: Contract(kind, underlying, exchange or "", underlying)} if is_there else {}
    columns = "strike, option_type" if kind == "option" else "null, null"
    with connection.cursor() as cursor:
        cursor.execute(
            f"select contract_id, symbol, exchange, underlying, exchange_symbol, expiry, {columns}, lot_size,"
            " tick_size, first_session, expires_at, min(exchange) over () <> max(exchange) over ()"
            f" from marts.{kind}s_metadata where underlying = %s",
            [underlying],
        )
        return {row[0]: Contract(kind, *row[1:]) for row in cursor.fetchall()}


def _exchange_of(connection: psycopg2.extensions.connection, kind: Kind, symbol: str) -> str | None:
    minutes, days = _MARTS[kind, "minute"], _MARTS[kind, "day"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"(select exchange from {minutes} where symbol = %(symbol)s limit 1)"
            f" union (select distinct exchange from {days} where symbol = %(symbol)s) order by 1",
            {"symbol": symbol},
        )
        codes = [row[0] for row in cursor.fetchall()]
    if len(codes) > 1:
        named, what = " and ".join(codes), "share" if kind == "equity" else kind
        raise TickmartError(
            f"the {what} {symbol} is on several exchanges, {named}: one file cannot hold both"
        )
    return codes[0] if codes else None


def zone_of(contracts: Iterable[Contract]) -> ZoneInfo:
    """Return the time zone of contracts of one underlying.

    Raises
    ------
    TickmartError
        Their exchanges are in several time zones.
    """
    by_zone = {contract.zone: contract for contract in contracts}
    if len(by_zone) > 1:
        one, other, *_ = by_zone.values()
        raise TickmartError(
            f"{one.symbol} and {other.symbol} trade in different time zones, {one.zone} and {other.zone}:"
            " one file cannot hold both"
        )
    return next(iter(by_zone), ZoneInfo("UTC"))


def local(stamps: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """Return moments (nanoseconds since 1970, UTC) as a clock of the zone shows them, in the same unit."""
    moments = pa.array(stamps).cast(pa.timestamp("ns", zone.key))
    clock: np.ndarray = pc.local_timestamp(moments).cast(pa.int64()).to_numpy()
    return clock


def read(
    connection: psycopg2.extensions.connection, mart: BarMart, piece: Slice, *, with_greeks: bool
) -> Iterator[pa.Table]:
    """Yield a slice of a mart, ordered by contract and time; no contract is split between two tables.

    Parameters
    ----------
    with_greeks : bool
        Options only: open interest, Greeks and, for daily bars, contracts that did not trade as well.

    Yields
    ------
    pyarrow.Table
        `contract_id`, `bar_end` (ns, int64), prices as decimal128(18, 8), `volume` and, for contracts,
        `open_interest` as decimal128(28, 8); `load_id` for minute bars; `is_traded` for daily ones;
        the Greeks when asked for.
    """
    fields = _fields(mart, with_greeks)
    has_contracts = mart.kind not in _OF_A_SYMBOL
    names = {} if has_contracts else {"contract_id": "0::bigint"}
    if mart.kind == "index":
        names["volume"] = "null::numeric"
    if mart.interval == "day":
        names["is_traded"] = "true" if mart.kind == "index" else "is_traded"
    selected = ", ".join(f"{names.get(field.name, field.name)} as {field.name}" for field in fields)
    owner = "underlying" if has_contracts else "symbol"
    # a session lies within a day of its date; the bounds on time let TimescaleDB leave other chunks alone
    where = f"{owner} = %s and session_date between %s and %s and bar_start >= %s and bar_start < %s"
    if mart.interval == "day":
        where += " and is_preferred"
        if not with_greeks and mart.kind != "index":
            where += " and is_traded"
    if mart.kind == "equity":
        where += f" and {_OF_SHARES[mart.interval]}"
    order = "contract_id, bar_start" if has_contracts else "bar_start"
    query = f"select {selected} from {mart.name} where {where} order by {order}"
    around = midnight(piece.first - timedelta(days=1), UTC), midnight(piece.last + timedelta(days=2), UTC)
    parameters = [piece.underlying, piece.first, piece.last, *around]
    batches = copy_out(connection, query, parameters, schema=pa.schema(fields), batch_rows=CHUNK_ROWS)
    for table in _whole_contracts(_read_ahead(batches)):
        column = table.schema.get_field_index("bar_end")
        stamps = pc.multiply(table["bar_end"].cast(pa.int64()), 1000)
        yield table.set_column(column, "bar_end", stamps)


def _fields(mart: BarMart, with_greeks: bool) -> list[pa.Field]:
    fields = [pa.field("contract_id", pa.int64()), pa.field("bar_end", pa.timestamp("us", "UTC"))]
    fields += [pa.field(name, PRICE) for name in PRICES] + [pa.field("volume", SIZE)]
    if mart.kind not in _OF_A_SYMBOL:
        fields.append(pa.field("open_interest", SIZE))
    if with_greeks:
        fields += [
            pa.field(name, pa.float64()) for name in ("underlying_price", "implied_volatility", *GREEKS)
        ]
    if mart.has_loads:
        fields.append(pa.field("load_id", pa.int64()))
    if mart.interval == "day":
        fields.append(pa.field("is_traded", pa.bool_()))
    return fields


def _read_ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read in a thread of its own, so that the server goes on while earlier rows are encoded."""
    ready: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(BATCHES_AHEAD)
    stopped = threading.Event()

    def offer(item: pa.RecordBatch | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for batch in batches:
                offer(batch)
                if stopped.is_set():
                    break
            offer(None)
        except BaseException as error:  # noqa: BLE001 raised again where the rows are used
            offer(error)
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=fetch, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _whole_contracts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        ids = batch.column("contract_id").to_numpy()
        last = int(np.searchsorted(ids, ids[-1])) if ids[0] != ids[-1] else 0
        starts_new = bool(pending) and pending[-1].column("contract_id")[-1].as_py() != ids[0]
        if starts_new:
            yield pa.Table.from_batches(pending).combine_chunks()
            pending = []
        if last:
            yield pa.Table.from_batches([*pending, batch.slice(0, last)]).combine_chunks()
            pending = []
        pending.append(batch.slice(last))
    if pending:
        yield pa.Table.from_batches(pending).combine_chunks()


def segments(table: pa.Table) -> list[tuple[int, int, int]]:
    """Return (contract id, first row, rows) for every contract of a table from `read`."""
    ids = table["contract_id"].to_numpy()
    starts = (
        np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]])) if len(ids) else np.empty(0, np.int64)
    )
    lengths = np.diff(np.append(starts, len(ids)))
    return list(zip(ids[starts].tolist(), starts.tolist(), lengths.tolist(), strict=True))


def priced(table: pa.Table) -> pa.Table:
    """Return the rows that are bars: traded, and with all four prices."""
    keep: pa.ChunkedArray | None = table["is_traded"] if "is_traded" in table.column_names else None
    for name in PRICES:
        if table[name].null_count:
            valid = pc.is_valid(table[name])
            keep = valid if keep is None else pc.and_(keep, valid)
    return table if keep is None else table.filter(keep).combine_chunks()


def unscaled(column: pa.ChunkedArray) -> np.ndarray:
    """Return a price column as integers of 1e-8; prices must not be NULL."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    words = np.frombuffer(array.buffers()[1], "<i8")
    return words[2 * array.offset : 2 * (array.offset + len(array)) : 2]


def decimals(values: np.ndarray, at_least: int) -> int:
    """Return the smallest number of decimals, `at_least` or more, that holds all values from `unscaled`."""
    places = at_least
    while places < PRICE_SCALE and (values % 10 ** (PRICE_SCALE - places)).any():
        places += 1
    return places


def size_decimals(column: pa.ChunkedArray) -> int:
    """Return the smallest number of decimals that holds all of a column's quantities; 0 for whole units."""
    for places in range(SIZE.scale):
        try:
            column.cast(pa.decimal128(SIZE.precision, places))
        except pa.ArrowInvalid:
            continue
        return places
    return int(SIZE.scale)


def total(column: pa.ChunkedArray, start: int, rows: int) -> int | float:
    """Return the sum of some quantities, leaving out NULL: an int where the sum is a whole number."""
    added: Decimal = pc.sum(column.slice(start, rows), min_count=0).as_py()
    return int(added) if added == added.to_integral_value() else float(added)


def decimals_of(value: Decimal | None) -> int:
    """Return the decimals that a number needs; 0 for None."""
    if value is None:
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def nanoseconds(moment: datetime | None) -> int:
    """Return a moment as nanoseconds since 1970, UTC; 0 for None."""
    if moment is None:
        return 0
    return round(moment.astimezone(UTC).timestamp()) * 1_000_000_000


def midnight(day: date | None, zone: tzinfo) -> datetime | None:
    """Return the start of a date in a time zone."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=zone)
