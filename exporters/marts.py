"""What exporters read: the marts of one slice, as Arrow tables that hold whole contracts."""

import queue
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Literal, get_args
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

Kind = Literal["option", "future", "index", "equity", "currency", "crypto"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Lengths of bars, as `tickmart list` and Nautilus write them
MINUTE, HOUR, DAY = "1-MINUTE", "1-HOUR", "1-DAY"

PRICE = pa.decimal128(28, 10)
SIZE = pa.decimal128(28, 8)
PRICES = ("open", "high", "low", "close")
GREEKS = ("delta", "gamma", "vega", "theta", "rho")
CHUNK_ROWS = 131_072
BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Contract:
    """What an exporter needs to know about an instrument.

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
    base_currency, quote_currency : str or None
        Of a pair of currencies, and of a coin.
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
    base_currency: str | None = None
    quote_currency: str | None = None

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
    """Bars of one kind and length: of the kind's own mart, and as they were delivered.

    Attributes
    ----------
    length : str
        Such as `15-MINUTE`.
    is_delivered : bool
        Whether bars of this length were delivered so. They count for sessions that the own mart has none of.
    exchange : str
        Where they were delivered from; empty where none is stated.
    """

    kind: Kind
    length: str
    is_delivered: bool = False
    exchange: str = ""

    @property
    def has_contracts(self) -> bool:
        """Whether its rows are of the contracts of an underlying, and not all of one symbol."""
        return self.kind in _OF_CONTRACTS

    @property
    def key(self) -> str:
        """The column that tells one instrument's rows."""
        return "contract_id" if self.has_contracts else "symbol"

    @property
    def owner(self) -> str:
        """The column with what an export is asked for."""
        return "underlying" if self.has_contracts else "symbol"

    @property
    def has_greeks(self) -> bool:
        """Whether Greeks stand beside its bars."""
        return self.kind == "option" and self.length in (MINUTE, DAY)

    @property
    def own(self) -> str | None:
        """The kind's own mart of this length, with its schema; None where there is none."""
        return _MARTS.get((self.kind, self.length))

    @property
    def name(self) -> str:
        """The mart's name with its schema."""
        return self.own or _DELIVERED

    @property
    def series(self) -> Series:
        """What a user calls its rows."""
        return _SERIES.get(self.length, Series.OTHER_BARS)

    @property
    def is_longer_than_a_day(self) -> bool:
        """Whether it is of several days, weeks or months."""
        return self.length != DAY and self.length.endswith(("-DAY", "-WEEK", "-MONTH"))

    @property
    def has_loads(self) -> bool:
        """Whether its rows name the load that they came from."""
        return self.length == MINUTE or self.own is None


_MARTS: dict[tuple[Kind, str], str] = {
    ("option", MINUTE): "marts.options_ticks",
    ("option", HOUR): "marts.options_hourly",
    ("option", DAY): "marts.options_daily",
    ("future", MINUTE): "marts.futures_ticks",
    ("future", HOUR): "marts.futures_hourly",
    ("future", DAY): "marts.futures_daily",
    ("index", MINUTE): "marts.spot_prices",
    ("index", HOUR): "marts.spot_hourly",
    ("index", DAY): "marts.spot_daily",
    ("equity", DAY): "marts.equity_daily",
}
_DELIVERED = "marts.market_data"
# These marts hold what was delivered of their length already.
_HOLDS_WHAT_WAS_DELIVERED = {
    ("equity", DAY),
    *((kind, length) for kind, length in _MARTS if length == MINUTE),
}
_OF_CONTRACTS = ("option", "future")
# They trade round the clock, and under one symbol at many exchanges.
PAIRS: tuple[Kind, ...] = ("currency", "crypto")
# Of a share's days those of itself, and not of its bonds, rights and blocks.
_OF_THE_SHARE = "(series is null or series in ('EQ', 'BE', 'BZ', 'SM', 'ST', 'SZ'))"
_NAMES: dict[Kind, str] = {
    "index": "the index",
    "equity": "the share",
    "currency": "the currency pair",
    "crypto": "the coin",
}
_SERIES = {MINUTE: Series.MINUTE_BARS, HOUR: Series.HOUR_BARS, DAY: Series.DAY_BARS}


def bar_marts(connection: psycopg2.extensions.connection, underlying: str) -> tuple[BarMart, ...]:
    """Return what bars there may be of an underlying, or of a symbol that has none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select instrument_type, length, exchange from marts.bar_series"
            " where underlying = %s and instrument_type = any(%s) and adjusted_for = 'none'"
            " and preferred_bars > 0 order by 1, bar_interval",
            [underlying, list(KINDS)],
        )
        found = cursor.fetchall()
    pairs = [BarMart(kind, length, True, exchange) for kind, length, exchange in found if kind in PAIRS]
    delivered = {(kind, length): exchange for kind, length, exchange in found if kind not in PAIRS}
    beside_own = delivered.keys() - _HOLDS_WHAT_WAS_DELIVERED
    others = [
        BarMart(kind, length, (kind, length) in beside_own, delivered.get((kind, length), ""))
        for kind, length in dict.fromkeys([*_MARTS, *delivered])
    ]
    return (*others, *pairs)


def require_marts(connection: psycopg2.extensions.connection) -> None:
    """Raise a TickmartError that names the first mart which the database lacks."""
    with connection.cursor() as cursor:
        for mart in (*_MARTS.values(), _DELIVERED, "marts.bar_series", "marts.instruments"):
            cursor.execute("select to_regclass(%s) is not null", [mart])
            if cursor.fetchone() != (True,):
                raise TickmartError(f"the database has no {mart}. Build it first: tickmart build")


def contracts(connection: psycopg2.extensions.connection, underlying: str, kind: Kind) -> dict[int, Contract]:
    """Return the contracts of an underlying by contract id; pairs by one of their exchange, all else by 0.

    Parameters
    ----------
    underlying : str
        As the marts spell it.
    """
    if kind not in _OF_CONTRACTS:
        return _symbols(connection, underlying, kind)
    columns = "strike, option_type" if kind == "option" else "null, null"
    with connection.cursor() as cursor:
        cursor.execute(
            f"select contract_id, symbol, exchange, underlying, exchange_symbol, expiry, {columns}, lot_size,"
            " tick_size, first_session, expires_at, min(exchange) over () <> max(exchange) over ()"
            f" from marts.{kind}s_metadata where underlying = %s",
            [underlying],
        )
        return {row[0]: Contract(kind, *row[1:]) for row in cursor.fetchall()}


def _symbols(connection: psycopg2.extensions.connection, symbol: str, kind: Kind) -> dict[int, Contract]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct exchange, base_currency, currency from marts.instruments"
            " where symbol = %s and instrument_type = %s order by 1",
            [symbol, kind],
        )
        found = cursor.fetchall()
    if kind in PAIRS:
        return {
            _number_of(exchange): Contract(
                kind,
                symbol,
                exchange,
                symbol,
                has_namesakes=len(found) > 1,
                base_currency=base,
                quote_currency=quote,
            )
            for exchange, base, quote in found
        }
    if len(found) > 1:
        named = " and ".join(exchange or "none" for exchange, *_ in found)
        raise TickmartError(
            f"{_NAMES[kind]} {symbol} is on several exchanges, {named}: one file cannot hold both"
        )
    if found or kind == "index":  # an index may stand apart from any exchange
        return {0: Contract(kind, symbol, found[0][0] if found else "", symbol)}
    return {}


def _number_of(exchange: str) -> int:
    """Return what stands for a contract id of a pair: the place of its exchange among all, from 1; else 0."""
    return sorted(exchanges.known_exchanges()).index(exchange) + 1 if exchange else 0


class Known:
    """What bars there are of underlyings, and of which contracts, each asked for once."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self._connection = connection
        self._contracts: dict[tuple[str, Kind], dict[int, Contract]] = {}
        self._bar_marts: dict[str, tuple[BarMart, ...]] = {}

    def contracts(self, underlying: str, kind: Kind) -> dict[int, Contract]:
        """As the function of this name."""
        if (underlying, kind) not in self._contracts:
            self._contracts[underlying, kind] = contracts(self._connection, underlying, kind)
        return self._contracts[underlying, kind]

    def bar_marts(self, underlying: str) -> tuple[BarMart, ...]:
        """As the function of this name."""
        if underlying not in self._bar_marts:
            self._bar_marts[underlying] = bar_marts(self._connection, underlying)
        return self._bar_marts[underlying]


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
        `contract_id`, `bar_end` (ns, int64), prices as decimal128(28, 10), `volume` and, for contracts,
        `open_interest` as decimal128(28, 8); `load_id` where a row has one; `is_traded` for daily ones; the
        Greeks when asked for.
    """
    fields = _fields(mart, with_greeks)
    names = [field.name for field in fields]
    # a session lies within a day of its date; the bounds on time let TimescaleDB leave other chunks alone
    days = _longest_days(mart.length)
    parameters = {
        "owner": piece.underlying,
        "first": piece.first,
        "last": piece.last,
        "after": midnight(piece.first - timedelta(days=days), UTC),
        "before": midnight(piece.last + timedelta(days=2), UTC),
        "kind": mart.kind,
        "length": mart.length.replace("-", " "),
        "exchange": mart.exchange,
        "number": _number_of(mart.exchange) if mart.kind in PAIRS else 0,
        "zone": exchanges.zone_of(mart.exchange).key,
    }
    selected = [*names, "bar_start"]
    parts = [_of_own_mart(mart, selected, with_greeks)] if mart.own else []
    if mart.is_delivered:
        parts.append(_as_delivered(mart, selected))
    query = (
        f"select {', '.join(names)} from ({' union all '.join(parts)}) as bars"
        " order by contract_id, bar_start"
    )
    batches = copy_out(connection, query, parameters, schema=pa.schema(fields), batch_rows=CHUNK_ROWS)
    for table in _whole_contracts(_read_ahead(batches)):
        column = table.schema.get_field_index("bar_end")
        stamps = pc.multiply(table["bar_end"].cast(pa.int64()), 1000)
        yield table.set_column(column, "bar_end", stamps)


def _of_own_mart(mart: BarMart, names: Sequence[str], with_greeks: bool) -> str:
    instead = {} if mart.has_contracts else {"contract_id": "0::bigint"}
    if mart.kind == "index":
        instead |= {"volume": "null::numeric", "is_traded": "true"}
    where = [
        f"{mart.owner} = %(owner)s",
        "session_date between %(first)s and %(last)s",
        "bar_start >= %(after)s and bar_start < %(before)s",
    ]
    if mart.length == DAY:
        where.append("is_preferred")
        if not with_greeks and mart.kind != "index":
            where.append("is_traded")
    if mart.kind == "equity":
        where.append(_OF_THE_SHARE)
    # what is made of minutes goes behind a day that was delivered
    if mart.length == DAY and mart.is_delivered:
        as_delivered = " and ".join([*_delivered_there(mart), _same_session(mart)])
        where.append(
            "(source = 'official' or not exists"
            f" (select from {_DELIVERED} as delivered where {as_delivered}))"
        )
    return _select(f"{mart.own} as own", names, instead, where)


def _same_session(mart: BarMart) -> str:
    return f"own.{mart.key} = delivered.{mart.key} and own.session_date = delivered.session_date"


def _longest_days(length: str) -> int:
    """Return how many days before its end, and one, a bar begins at most."""
    steps, unit = length.split("-")
    return int(steps) * {"DAY": 1, "WEEK": 7, "MONTH": 31}.get(unit, 1) + 1


def _delivered_there(mart: BarMart) -> list[str]:
    where = [
        "delivered.instrument_type = %(kind)s and delivered.bar_interval = %(length)s::interval",
        "delivered.underlying = %(owner)s and delivered.is_preferred and delivered.adjusted_for = 'none'",
        "delivered.bar_start >= %(after)s and delivered.bar_start < %(before)s",
    ]
    if not mart.has_contracts:
        where.append("delivered.exchange = %(exchange)s")
    return where


def _as_delivered(mart: BarMart, names: Sequence[str]) -> str:
    instead = {"contract_id": "coalesce(contract_id, %(number)s)", "is_traded": "true"}
    instead |= dict.fromkeys(("underlying_price", "implied_volatility", *GREEKS), "null::double precision")
    if mart.kind == "index":
        instead["volume"] = "null::numeric"
    where = _delivered_there(mart)
    if mart.is_longer_than_a_day or mart.kind in PAIRS:  # as marts.bar_series has its dates
        ended = "(delivered.bar_end - interval '1 microsecond') at time zone %(zone)s"
        where.append(f"({ended})::date between %(first)s and %(last)s")
    else:
        where.append("delivered.session_date between %(first)s and %(last)s")
    if mart.own:
        whole = " and own.source = 'official' and own.is_preferred and own.open is not null"
        where.append(
            f"not exists (select from {mart.own} as own where own.{mart.owner} = %(owner)s"
            f" and own.session_date between %(first)s and %(last)s and {_same_session(mart)}"
            f"{whole if mart.length == DAY else ''})"
        )
    return _select(f"{_DELIVERED} as delivered", names, instead, where)


def _select(table: str | None, names: Sequence[str], instead: Mapping[str, str], where: Sequence[str]) -> str:
    columns = ", ".join(f"{instead[name]} as {name}" if name in instead else name for name in names)
    return f"select {columns} from {table} where {' and '.join(where)}"


def _fields(mart: BarMart, with_greeks: bool) -> list[pa.Field]:
    fields = [pa.field("contract_id", pa.int64()), pa.field("bar_end", pa.timestamp("us", "UTC"))]
    fields += [pa.field(name, PRICE) for name in PRICES] + [pa.field("volume", SIZE)]
    if mart.has_contracts:
        fields.append(pa.field("open_interest", SIZE))
    if with_greeks:
        fields += [
            pa.field(name, pa.float64()) for name in ("underlying_price", "implied_volatility", *GREEKS)
        ]
    if mart.has_loads:
        fields.append(pa.field("load_id", pa.int64()))
    if mart.length == DAY:
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


def decimals(column: pa.ChunkedArray, at_least: int = 0) -> int:
    """Return the smallest number of decimals, `at_least` or more, that holds all of a column's decimals."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    scale = array.type.scale
    words = np.frombuffer(array.buffers()[1], "<i8")[2 * array.offset : 2 * (array.offset + len(array))]
    unscaled, above = words[::2], words[1::2]
    if array.null_count:
        valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
        unscaled, above = unscaled[valid], above[valid]
    numbers = unscaled if (above == unscaled >> 63).all() else _whole_numbers(unscaled, above)
    places = at_least
    while places < scale and (numbers % 10 ** (scale - places)).any():
        places += 1
    return places


def _whole_numbers(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return numbers of 128 bits, which are rare, as Python has them."""
    return np.array(
        [(above << 64) + below for above, below in zip(high.tolist(), low.view("<u8").tolist(), strict=True)],
        object,
    )


def floats(column: pa.ChunkedArray) -> np.ndarray:
    """Return decimals as the nearest float64, which Arrow's own cast of them is not; NaN for NULL."""
    nearest: np.ndarray = column.cast(pa.string()).cast(pa.float64()).to_numpy()
    return nearest


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
