"""A NautilusTrader 1.231 catalog (layout v1): bars, option Greeks, definitions.

Parquet is written straight from Arrow, with the schema and metadata that Nautilus' own writer gives: its
public writer takes lists of Python objects and is an order of magnitude slower. That layout is internal to a
version, so the version is pinned and a test compares every schema with what the real API writes.

Conventions: stamps are the bar's end (`ts_event` = `ts_init`, except that the `ts_init` of Greeks is a
nanosecond less, because Nautilus promises no order among data with the same `ts_init`); sizes are units, not
lots (`multiplier` 1, `lot_size` the exchange's lot); one file per bar type and calendar month of the
exchange's time (of what trades round the clock, by the bars' ends), named by that month's first and last
nanosecond, so that months touch, never overlap, and a later export replaces them in place. Definitions carry
`ts_init` 0.
"""

import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exporters import marts
from exporters.exporter import Progress, Slice, Written
from exporters.marts import CHUNK_ROWS, DAY, GREEKS, MINUTE, PAIRS, PRICES, BarMart, Contract, Kind
from exporters.months import Month, by_month
from exporters.publish import Folder, Manifest, Publication, Store, read_manifest
from exporters.series import Series
from warehouse.errors import TickmartError
from warehouse.exchanges import known_exchanges

CELL = pa.binary(16)
WIDE = pa.decimal128(38, 16)
FOLDERS: dict[Kind, str] = {
    "option": "option_contract",
    "future": "futures_contract",
    "index": "index_instrument",
    "equity": "equity",
    "currency": "currency_pair",
    "crypto": "currency_pair",
}
# Where pairs of currencies trade for which no exchange is stated: between banks
OVER_THE_COUNTER = "OTC"
LEAST_DECIMALS = 2
# decides the asset class of contracts; NSE's other underlyings are shares
INDICES = {"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50"}

BAR_SCHEMA = pa.schema(
    [pa.field(name, CELL, nullable=False) for name in (*PRICES, "volume")]
    + [pa.field(name, pa.uint64(), nullable=False) for name in ("ts_event", "ts_init")]
)
GREEKS_SCHEMA = pa.schema(
    [pa.field("instrument_id", pa.string(), nullable=False)]
    + [pa.field(name, pa.float64(), nullable=False) for name in GREEKS]
    + [pa.field(name, pa.float64()) for name in ("mark_iv", "bid_iv", "ask_iv")]
    + [pa.field(name, pa.float64()) for name in ("underlying_price", "open_interest")]
    + [pa.field(name, pa.uint64(), nullable=False) for name in ("ts_event", "ts_init")]
    + [pa.field("convention", pa.string(), nullable=False)]
)  # fmt: skip


def instrument_id(contract: Contract) -> str:
    """Return the Nautilus id of a contract, such as `NIFTY_250313_22500_CE.NSE`."""
    venue = contract.exchange or (OVER_THE_COUNTER if contract.kind == "currency" else "")
    if not venue:
        raise TickmartError(
            f"nobody says where {contract.symbol} trades, and Nautilus has no instrument without its venue."
            " Load its files with --exchange."
        )
    return f"{contract.instrument}.{venue}"


def bar_type(contract: Contract, length: str) -> str:
    """Return the bar type under which a contract's bars of a length, such as `15-MINUTE`, are stored."""
    return f"{instrument_id(contract)}-{length}-LAST-EXTERNAL"


def bar_metadata(contract: Contract, length: str, precision: int) -> dict[str, str]:
    """Return the schema metadata of a file of bars."""
    return {
        "bar_type": bar_type(contract, length),
        "instrument_id": instrument_id(contract),
        "price_precision": str(precision),
        "size_precision": str(size_precision(contract.kind)),
    }


def size_precision(kind: Kind) -> int:
    """Return the decimals of quantities: all that the marts hold for coins and currencies, else none."""
    return marts.SIZE.scale if kind in PAIRS else 0


@cache
def is_bar_length(length: str) -> bool:
    """Return whether Nautilus has bars of a length: 15-MINUTE, and not 75-MINUTE."""
    from nautilus_trader.model.data import BarType

    try:
        BarType.from_str(f"SYMBOL.VENUE-{length}-LAST-EXTERNAL")
    except ValueError:
        return False
    return True


def greeks_metadata(contract: Contract) -> dict[str, str]:
    """Return the schema metadata of a file of option Greeks."""
    return {"instrument_id": instrument_id(contract), "type": "OptionGreeks"}


def encode_bars(table: pa.Table) -> pa.RecordBatch:
    """Encode bars of any number of contracts; slices of the result are files.

    Parameters
    ----------
    table : pyarrow.Table
        `open`, `high`, `low`, `close` (decimal128), `volume` (decimal128; NULL means that there is none, as
        for an index, and becomes 0) and `bar_end` (int64, ns UTC).

    Returns
    -------
    pyarrow.RecordBatch
        `BAR_SCHEMA`: prices and sizes as 128-bit integers of 1e-16.
    """
    stamps = _one(table["bar_end"].cast(pa.uint64()))
    cells = [_cells(_one(table[name])) for name in PRICES]
    cells.append(_cells(_one(pc.fill_null(table["volume"], Decimal(0)))))
    return pa.RecordBatch.from_arrays([*cells, stamps, stamps], schema=BAR_SCHEMA)


def encode_greeks(table: pa.Table, ids: pa.Array) -> pa.RecordBatch:
    """Encode option Greeks of any number of contracts; slices of the result are files.

    Parameters
    ----------
    table : pyarrow.Table
        The Greeks, `implied_volatility`, `underlying_price` (float64), `open_interest` (decimal128) and
        `bar_end`. Where a row has no Greeks they become NaN, which Nautilus requires in place of NULL.
    ids : pyarrow.StringArray
        The instrument id of every row.

    Notes
    -----
    Nautilus replays by `ts_init`, which is a nanosecond before `ts_event`, the bar's end: streams are merged
    by `ts_init` alone, and of two rows that share it either may come first. This makes nothing known too
    early, because nothing is stamped in between.
    """
    rows = len(table)
    stamps = _one(table["bar_end"].cast(pa.uint64()))
    before_the_bar = _one(pc.subtract(table["bar_end"], 1).cast(pa.uint64()))
    none = pa.nulls(rows, pa.float64())
    return pa.RecordBatch.from_arrays(
        [
            ids,
            *(_one(pc.fill_null(table[name], float("nan"))) for name in GREEKS),
            _one(table["implied_volatility"]),
            none,
            none,
            _one(table["underlying_price"]),
            _one(table["open_interest"].cast(pa.float64())),
            stamps,
            before_the_bar,
            pa.repeat("BLACK_SCHOLES", rows),
        ],
        schema=GREEKS_SCHEMA,
    )


def parquet(batch: pa.RecordBatch, metadata: dict[str, str]) -> pa.Buffer:
    """Return a Parquet file of one contract's rows."""
    sink = pa.BufferOutputStream()
    # dictionaries cost two thirds of the time and save nothing on 16-byte cells; stamps a minute apart take
    # no room as differences; of the statistics Nautilus uses those of ts_init
    with pq.ParquetWriter(
        sink,
        batch.schema.with_metadata(metadata),
        compression="zstd",
        use_dictionary=False,
        column_encoding=dict.fromkeys(("ts_event", "ts_init"), "DELTA_BINARY_PACKED"),
        write_statistics=["ts_init"],
    ) as writer:
        writer.write_batch(batch.replace_schema_metadata(metadata), row_group_size=CHUNK_ROWS)
    return sink.getvalue()


def _currency_of(contract: Contract) -> str:
    exchange = known_exchanges().get(contract.exchange)
    if exchange is None or exchange.currency is None:
        raise TickmartError(f"nobody says in which currency {contract.symbol} trades at {contract.exchange}")
    return exchange.currency


def _pair(contract: Contract) -> dict[str, Any]:
    """Return the two currencies of a pair, by the names that Nautilus has for them."""
    from nautilus_trader.model.objects import Currency

    if contract.base_currency is None or contract.quote_currency is None:
        raise TickmartError(
            f"the symbol {contract.symbol} does not say which two currencies it is of, as EURUSD, BTC/USDT"
            " and BTCUSDT do"
        )
    return {
        "base_currency": Currency.from_str(contract.base_currency),
        "quote_currency": Currency.from_str(contract.quote_currency),
    }


def instrument(contract: Contract, precision: int) -> Any:
    """Return the Nautilus definition of a contract.

    Parameters
    ----------
    precision : int
        Decimals of its prices in this catalog.

    Notes
    -----
    A contract whose lot size nobody stated gets 1, and `info` says `lot_size: unknown`.
    """
    from nautilus_trader.model.enums import AssetClass, OptionKind
    from nautilus_trader.model.identifiers import InstrumentId, Symbol
    from nautilus_trader.model.instruments import (
        CurrencyPair,
        Equity,
        FuturesContract,
        IndexInstrument,
        OptionContract,
    )
    from nautilus_trader.model.objects import Currency, Price, Quantity

    tick = contract.tick_size or Decimal(1).scaleb(-precision)
    info: dict[str, str] = {"symbol": contract.symbol}
    if contract.exchange_symbol:
        info["exchange_symbol"] = contract.exchange_symbol
    common: dict[str, Any] = {
        "instrument_id": InstrumentId.from_str(instrument_id(contract)),
        "raw_symbol": Symbol(contract.exchange_symbol or contract.symbol),
        "price_precision": precision,
        "price_increment": Price.from_str(f"{tick:.{precision}f}"),
        "ts_event": 0,
        "ts_init": 0,
    }
    if contract.kind in PAIRS:
        places = size_precision(contract.kind)
        step = Quantity.from_str(f"{Decimal(1).scaleb(-places):.{places}f}")
        return CurrencyPair(
            **common, **_pair(contract), size_precision=places, size_increment=step, info=info
        )
    common["currency"] = Currency.from_str(_currency_of(contract))
    if contract.kind == "index":
        return IndexInstrument(**common, size_precision=0, size_increment=Quantity.from_int(1), info=info)
    if contract.kind == "equity":
        return Equity(**common, lot_size=Quantity.from_int(1), info=info)
    if contract.lot_size is None:
        info["lot_size"] = "unknown"
    common |= {
        "asset_class": AssetClass.INDEX if contract.underlying in INDICES else AssetClass.EQUITY,
        "multiplier": Quantity.from_int(1),
        "lot_size": Quantity.from_int(contract.lot_size or 1),
        "underlying": contract.underlying,
        "activation_ns": marts.nanoseconds(marts.midnight(contract.first_session, contract.zone)),
        "expiration_ns": marts.nanoseconds(contract.expires_at),
        "exchange": contract.exchange,
        "info": info,
    }
    if contract.kind == "future":
        return FuturesContract(**common)
    assert contract.strike is not None
    return OptionContract(
        **common,
        option_kind=OptionKind.CALL if contract.option_type == "CE" else OptionKind.PUT,
        strike_price=Price.from_str(
            f"{contract.strike:.{max(precision, marts.decimals_of(contract.strike))}f}"
        ),
    )


def definition(contract: Contract, precision: int) -> pa.Buffer:
    """Return the Parquet file of a contract's definition, by Nautilus' own serialiser."""
    from nautilus_trader.serialization.arrow.serializer import ArrowSerializer

    batch = ArrowSerializer.serialize(instrument(contract, precision))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([batch]), sink, compression="zstd")
    return sink.getvalue()


def month_stamps(month: Month, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first and the last nanosecond of a calendar month in a time zone."""
    first = marts.nanoseconds(marts.midnight(month.first_day, zone))
    return first, marts.nanoseconds(marts.midnight(month.following.first_day, zone)) - 1


@cache
def month_file(month: Month, zone: ZoneInfo, *, round_the_clock: bool = False) -> str:
    """Return the name of every file of a month, as Nautilus derives it from the two stamps.

    Round the clock the last bar of a month ends with it, at the first moment of the next one.
    """
    later = int(round_the_clock)
    return "_".join(_stamp(moment + later) for moment in month_stamps(month, zone)) + ".parquet"


def _path(kind: str, name: str, piece: Slice, contract: Contract) -> str:
    month = Month.parse(piece.partition)
    file = month_file(month, contract.zone, round_the_clock=contract.kind in PAIRS)
    return f"data/{kind}/{name}/{file}"


DEFINITION_FILE = "1970-01-01T00-00-00-000000000Z_1970-01-01T00-00-00-000000000Z.parquet"


def _stamp(moment: int) -> str:
    seconds, fraction = divmod(moment, 1_000_000_000)
    return np.datetime_as_string(np.datetime64(seconds, "s")).replace(":", "-") + f"-{fraction:09}Z"


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return column


def _cells(column: pa.Array) -> pa.Array:
    wide = column.cast(WIDE)  # refuses what does not fit
    return pa.Array.from_buffers(CELL, len(wide), [None, wide.buffers()[1]], offset=wide.offset)


class _FinerPricesError(Exception):
    """Prices need more decimals than the export started with; it starts again with enough."""

    def __init__(self, kind: Kind, decimals: int) -> None:
        super().__init__(f"{kind}: {decimals}")
        self.kind, self.decimals = kind, decimals


@dataclass(slots=True)
class _Run:
    """The export of one underlying: what it reads, what it has found out, where it puts files."""

    connection: psycopg2.extensions.connection
    publication: Publication
    progress: Progress
    written: Written
    contracts: dict[Kind, dict[int, Contract]]
    precisions: dict[Kind, int]
    bars: tuple[BarMart, ...]
    exported: dict[Kind, set[int]] = field(default_factory=dict)
    without_volume: Counter[str] = field(default_factory=Counter)


class NautilusExporter:
    """Writes and checks catalogs that `nautilus_trader.persistence.catalog.ParquetDataCatalog` opens."""

    name = "nautilus"
    catalog_format = "v1"
    series = (
        Series.MINUTE_BARS,
        Series.HOUR_BARS,
        Series.DAY_BARS,
        Series.OTHER_BARS,
        Series.GREEKS,
        Series.INSTRUMENTS,
    )
    first_series = tuple(one for one in series if one != Series.OTHER_BARS)

    def partition(self, series: Series, instrument: str, day: date) -> str:
        """Return the calendar month: one file per month and bar type, whose names touch and never overlap."""
        return by_month(series, instrument, day)

    def write(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        publication: Publication,
        progress: Progress,
    ) -> Written:
        """Read the slices from the marts and put bars, Greeks and definitions."""
        about = publication.previous.exporters.get(self.name, {})
        precisions: dict[str, dict[Kind, int]] = {
            name: dict(kinds) for name, kinds in about.get("price_decimals", {}).items()
        }
        marts.require_marts(connection)
        total = Written()
        for underlying in dict.fromkeys(piece.underlying for piece in slices):
            pieces = [piece for piece in slices if piece.underlying == underlying]
            bars = marts.bar_marts(connection, underlying)
            known = {kind: marts.contracts(connection, underlying, kind) for kind in FOLDERS}
            kinds = precisions.setdefault(underlying, {})
            for kind, members in known.items():
                ticks = {contract.tick_size for contract in members.values()}
                kinds[kind] = max(LEAST_DECIMALS, kinds.get(kind, 0), *map(marts.decimals_of, ticks), 0)
            while True:
                run = _Run(connection, publication, progress, Written(), known, kinds, bars)
                try:
                    self._write_underlying(run, pieces)
                    break
                except _FinerPricesError as finer:
                    _refuse_mixed_decimals(publication.previous, underlying, pieces, finer)
                    kinds[finer.kind] = finer.decimals
                    publication.drop(underlying)
            total.rows += run.written.rows
            total.load_ids |= run.written.load_ids
            total.warnings += run.written.warnings
        total.about = {
            "price_decimals": {name: dict(kinds) for name, kinds in sorted(precisions.items())},
            "written_by": {"nautilus_trader": importlib.metadata.version("nautilus_trader")},
        }
        publication.settle()
        _refuse_colliding_names(publication)
        return total

    def _write_underlying(self, run: _Run, pieces: Sequence[Slice]) -> None:
        series = pieces[0].series
        for length in sorted(
            {mart.length for mart in run.bars if mart.series in series and not is_bar_length(mart.length)}
        ):
            run.written.warnings.append(
                f"{pieces[0].underlying}: Nautilus has no {length} bars; those of the marts are left out."
            )
        for piece in pieces:
            run.written.load_ids[piece] = set()
            for mart in _read_apart(run.bars, piece):
                for table in marts.read(run.connection, mart, piece, with_greeks=False):
                    self._put_bars(run, mart, piece, table)
            for chunk in _option_chunks(run.connection, run.bars, piece, run.contracts["option"]):
                if chunk.mart.series in piece.series:
                    self._put_bars(run, chunk.mart, piece, chunk.bars)
                self._put_greeks(run, piece, chunk.greeks)
        for length, bars in sorted((+run.without_volume).items()):
            run.written.warnings.append(
                f"{pieces[0].underlying}: no source states the volume of {bars:,} {length} bars; it is"
                " written as 0, and a backtest fills orders against the smallest size."
            )
        if all(Series.INSTRUMENTS in piece.series for piece in pieces):
            self._put_definitions(run, pieces[0].underlying)

    def _put_definitions(self, run: _Run, underlying: str) -> None:
        for kind, ids in run.exported.items():
            unknown_lots = 0
            for contract_id in sorted(ids):
                contract = run.contracts[kind][contract_id]
                unknown_lots += kind in ("option", "future") and contract.lot_size is None
                self._put_definition(run, contract)
            if unknown_lots:
                run.written.warnings.append(
                    f"{underlying}: no source states the lot size of {unknown_lots} of"
                    f" {len(ids)} {kind}s; their definitions say 1."
                )

    def _put_bars(self, run: _Run, mart: BarMart, piece: Slice, table: pa.Table) -> None:
        bars = marts.priced(table)
        if not len(bars):
            return
        precision = run.precisions[mart.kind]
        for name in PRICES:
            needed = marts.decimals(bars[name], precision)
            if needed > precision:
                raise _FinerPricesError(mart.kind, needed)
        _refuse_too_large(piece, mart, bars)
        encoded = encode_bars(bars)
        if marts.decimals(bars["volume"]) > size_precision(mart.kind):
            raise TickmartError(
                f"{piece.underlying}: volumes of {mart.length} bars have fractions, and Nautilus has whole"
                f" units of {mart.kind}s"
            )
        if mart.kind != "index":
            run.without_volume.update({mart.length: bars["volume"].null_count})
        if "load_id" in bars.column_names:
            loads = pc.unique(bars["load_id"]).drop_null().to_pylist()
            run.written.load_ids[piece].update(loads)
        for contract_id, start, rows in marts.segments(bars):
            contract = run.contracts[mart.kind][contract_id]
            run.exported.setdefault(mart.kind, set()).add(contract_id)
            metadata = bar_metadata(contract, mart.length, precision)
            run.publication.put(
                _path("bar", metadata["bar_type"], piece, contract),
                partial(parquet, encoded.slice(start, rows), metadata),
                rows=rows,
                underlying=piece.underlying,
                partition=piece.partition,
                instrument=metadata["instrument_id"],
                volume=marts.total(bars["volume"], start, rows),
            )
        run.written.rows += len(bars)
        run.progress("write", len(bars))

    def _put_greeks(self, run: _Run, piece: Slice, table: pa.Table) -> None:
        parts = marts.segments(table)
        if not parts:
            return
        names = [instrument_id(run.contracts["option"][contract_id]) for contract_id, _, _ in parts]
        positions = np.repeat(np.arange(len(parts)), [rows for _, _, rows in parts])
        encoded = encode_greeks(table, pa.array(names).take(pa.array(positions)))
        for name, (contract_id, start, rows) in zip(names, parts, strict=True):
            contract = run.contracts["option"][contract_id]
            run.exported.setdefault("option", set()).add(contract_id)
            run.publication.put(
                _path("option_greeks", name, piece, contract),
                partial(parquet, encoded.slice(start, rows), greeks_metadata(contract)),
                rows=rows,
                underlying=piece.underlying,
                partition=piece.partition,
                instrument=name,
            )
        run.written.rows += len(table)
        run.progress("write", len(table))

    def _put_definition(self, run: _Run, contract: Contract) -> None:
        name = instrument_id(contract)
        run.publication.put(
            f"data/{FOLDERS[contract.kind]}/{name}/{DEFINITION_FILE}",
            partial(definition, contract, run.precisions[contract.kind]),
            rows=1,
            underlying=contract.underlying,
            instrument=name,
        )

    def verify(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        store: Store,
        progress: Progress,
    ) -> int:
        """Read the catalog through Nautilus' own reader and compare every value with the marts."""
        manifest = read_manifest(store) or Manifest()
        check = _Check(connection, open_catalog(store), store.uri, manifest, progress)
        for piece in slices:
            check.slice(piece)
        if all(Series.INSTRUMENTS in piece.series for piece in slices):
            check.definitions(slices)
        return check.rows


EXPORTER = NautilusExporter()


@dataclass(frozen=True, slots=True)
class _OptionChunk:
    """Whole option contracts of a slice: their bars of one mart, and the Greeks that go with them."""

    mart: BarMart
    bars: pa.Table
    greeks: pa.Table


_GREEKS_COLUMNS = [
    "contract_id",
    "bar_end",
    "open_interest",
    "underlying_price",
    "implied_volatility",
    *GREEKS,
]


def _read_apart(bars: Iterable[BarMart], piece: Slice) -> Iterator[BarMart]:
    """Yield the bars of a slice that are not read together with the Greeks, as far as Nautilus has such."""
    for mart in bars:
        with_greeks = mart.has_greeks and Series.GREEKS in piece.series
        if mart.series in piece.series and not with_greeks and is_bar_length(mart.length):
            yield mart


def _option_chunks(
    connection: psycopg2.extensions.connection,
    bars: Iterable[BarMart],
    piece: Slice,
    contracts: dict[int, Contract],
) -> Iterator[_OptionChunk]:
    """Yield the option bars of a slice with their Greeks.

    Greeks follow the minute bars; a session in which a contract has no minute bars gets those of its daily
    row, traded or not. The daily rows of a slice are held in memory: one per contract and session.
    """
    if Series.GREEKS not in piece.series:
        return
    minute_mart, daily_mart = (
        next(mart for mart in bars if (mart.kind, mart.length) == ("option", length))
        for length in (MINUTE, DAY)
    )
    zone = marts.zone_of(contracts.values())
    daily_tables = list(marts.read(connection, daily_mart, piece, with_greeks=True))
    daily = pa.concat_tables(daily_tables).combine_chunks() if daily_tables else None
    used = np.zeros(0 if daily is None else len(daily), bool)
    daily_keys = np.zeros(0, np.int64) if daily is None else _session_keys(daily, zone)
    for table in marts.read(connection, minute_mart, piece, with_greeks=True):
        greeks = table.select(_GREEKS_COLUMNS)
        if daily is not None:
            ids = table["contract_id"].to_numpy()
            own = (daily["contract_id"].to_numpy() >= ids[0]) & (daily["contract_id"].to_numpy() <= ids[-1])
            own &= np.isin(daily["contract_id"].to_numpy(), np.unique(ids))
            extra = own & ~np.isin(daily_keys, np.unique(_session_keys(table, zone)))
            used |= own
            if extra.any():
                added = daily.filter(pa.array(extra)).select(_GREEKS_COLUMNS)
                greeks = pa.concat_tables([greeks, added]).sort_by(
                    [("contract_id", "ascending"), ("bar_end", "ascending")]
                ).combine_chunks()  # fmt: skip
        yield _OptionChunk(minute_mart, table, greeks)
    if daily is not None:
        rest = daily.filter(pa.array(~used)).select(_GREEKS_COLUMNS).combine_chunks()
        yield _OptionChunk(daily_mart, daily, rest)


def _session_keys(table: pa.Table, zone: ZoneInfo) -> np.ndarray:
    # a session of options lies within one date of its exchange: the date of the bar's end is the session's
    days = (marts.local(table["bar_end"].to_numpy(), zone) - 1) // 86_400_000_000_000
    keys: np.ndarray = table["contract_id"].to_numpy() * 100_000 + days
    return keys


def _refuse_too_large(piece: Slice, mart: BarMart, bars: pa.Table) -> None:
    from nautilus_trader.model.objects import PRICE_MAX, QUANTITY_MAX

    for name, limit in (*dict.fromkeys(PRICES, PRICE_MAX).items(), ("volume", QUANTITY_MAX)):
        largest = pc.max(bars[name]).as_py()
        if largest is not None and largest > limit:
            raise TickmartError(
                f"{piece.underlying}: {name} of a {mart.length} bar is {largest.normalize():f}, and Nautilus"
                f" holds no more than {limit:,.0f}"
            )


def _refuse_mixed_decimals(
    previous: Manifest, underlying: str, pieces: Sequence[Slice], finer: _FinerPricesError
) -> None:
    covered = previous.covered("nautilus", underlying)
    beyond = sorted(set(covered) - {piece.partition for piece in pieces})
    if beyond:
        first = min(held["first"] for held in covered.values())
        last = max(held["last"] for held in covered.values())
        raise TickmartError(
            f"{underlying}: {finer.kind} prices now need {finer.decimals} decimals and the catalog's other"
            f" months ({beyond[0]} to {beyond[-1]}) have fewer; Nautilus allows one precision per instrument."
            f" Export everything again: --start {min(first, str(pieces[0].first))}"
            f" --end {max(last, str(pieces[-1].last))}"
        )


def _refuse_colliding_names(publication: Publication) -> None:
    """Refuse folders that share an SQL table name: Nautilus reads them as one, and loses rows silently."""
    seen: dict[str, str] = {}
    for path in [*publication.previous.files, *publication.put_files]:
        folder = path.rsplit("/", 1)[0]
        table = folder.lower().translate(str.maketrans(".- ^:", "_____"))
        other = seen.setdefault(table, folder)
        if other != folder:
            raise TickmartError(
                f"{other} and {folder} are one table to Nautilus, which would lose rows of one of them."
                " Export these underlyings to two catalogs."
            )


def open_catalog(store: Store) -> Any:
    """Open an exported catalog with Nautilus' own `ParquetDataCatalog`.

    Parameters
    ----------
    store : Store
        From `exporters.publish.open_store`.
    """
    from nautilus_trader.persistence.catalog import ParquetDataCatalog

    if isinstance(store, Folder):
        return ParquetDataCatalog(store.uri)
    from exporters.s3 import nautilus_options

    options: dict[str, Any] = nautilus_options()
    return ParquetDataCatalog(store.uri.removeprefix("s3://"), fs_protocol="s3", **options)


class _Check:
    """Compares a catalog, as Nautilus reads it, with the marts; raises on the first difference."""

    def __init__(
        self,
        connection: psycopg2.extensions.connection,
        catalog: Any,
        uri: str,
        manifest: Manifest,
        progress: Progress,
    ) -> None:
        self.connection, self.catalog, self.uri = connection, catalog, uri
        self.manifest, self.progress = manifest, progress
        self.rows = 0
        self._root = catalog.path.rstrip("/")
        self._known = marts.Known(connection)
        self._exported: dict[str, Contract] = {}

    def slice(self, piece: Slice) -> None:
        for kind in FOLDERS:  # before a mart streams: the connection answers one question at a time
            self._known.contracts(piece.underlying, kind)
        bars = self._known.bar_marts(piece.underlying)
        expected: set[str] = set()
        for mart in _read_apart(bars, piece):
            for table in marts.read(self.connection, mart, piece, with_greeks=False):
                expected |= self._bars(mart, piece, table)
        options = self._known.contracts(piece.underlying, "option")
        for chunk in _option_chunks(self.connection, bars, piece, options):
            if chunk.mart.series in piece.series:
                expected |= self._bars(chunk.mart, piece, chunk.bars)
            expected |= self._greeks(piece, chunk.greeks)
        held = {
            file.path
            for file in self.manifest.files.values()
            if (file.exporter, file.underlying, file.partition)
            == ("nautilus", piece.underlying, piece.partition)
        }
        surplus = sorted(held - expected)
        if surplus:
            raise self._difference(f"{surplus[0]} is there, and the marts have no rows for it")

    def definitions(self, slices: Sequence[Slice]) -> None:
        """Compare lot, tick, strike, expiry and the rest with what the marts say."""
        decimals = self.manifest.exporters["nautilus"]["price_decimals"] if self._exported else {}
        names = sorted(self._exported)
        found = (
            {item.id.value: item for item in self.catalog.instruments(instrument_ids=names)} if names else {}
        )
        for name in names:
            contract = self._exported[name]
            expected = instrument(contract, decimals[contract.underlying][contract.kind])
            if name not in found:
                raise self._difference(f"the definition of {name} is missing")
            if type(expected).to_dict(expected) != type(found[name]).to_dict(found[name]):
                raise self._difference(f"the definition of {name} is not that of the marts")

    def _contract(self, piece: Slice, kind: Kind, contract_id: int) -> Contract:
        contract = self._known.contracts(piece.underlying, kind)[contract_id]
        self._exported[instrument_id(contract)] = contract
        return contract

    def _bars(self, mart: BarMart, piece: Slice, table: pa.Table) -> set[str]:
        from nautilus_trader.core import nautilus_pyo3
        from nautilus_trader.core.nautilus_pyo3 import drop_cvec_pycapsule
        from nautilus_trader.model.data import Bar, capsule_to_list

        bars = marts.priced(table)
        if not len(bars):
            return set()
        parts = marts.segments(bars)
        contracts = [self._contract(piece, mart.kind, part[0]) for part in parts]
        names = [bar_type(contract, mart.length) for contract in contracts]
        files = [_path("bar", name, piece, contract) for name, contract in zip(names, contracts, strict=True)]
        self._present(files)
        session = self.catalog.backend_session(Bar, files=[f"{self._root}/{file}" for file in files])
        ranks = {name: rank for rank, name in enumerate(names)}
        rank_of: dict[Any, int] = {}
        pieces, keys = [], []
        for chunk in session.to_query_result():
            received = capsule_to_list(chunk)
            drop_cvec_pycapsule(chunk)
            for item in received:
                kind = item.bar_type
                rank = rank_of.get(kind)
                if rank is None:
                    rank = rank_of[kind] = ranks.get(str(kind), -1)
                keys.append(rank)
            stream = nautilus_pyo3.bars_to_arrow_record_batch_bytes(Bar.to_pyo3_list(received))
            pieces.append(pa.ipc.open_stream(stream).read_all().replace_schema_metadata(None))
        expected = pa.Table.from_batches([encode_bars(bars)])
        self._compare(expected, pieces, np.array(keys, np.int64), names, [part[2] for part in parts])
        return set(files)

    def _greeks(self, piece: Slice, table: pa.Table) -> set[str]:
        from nautilus_trader.core import nautilus_pyo3
        from nautilus_trader.model.data import OptionGreeks

        parts = marts.segments(table)
        if not parts:
            return set()
        contracts = [self._contract(piece, "option", part[0]) for part in parts]
        names = [instrument_id(contract) for contract in contracts]
        files = [
            _path("option_greeks", name, piece, contract)
            for name, contract in zip(names, contracts, strict=True)
        ]
        self._present(files)
        session = self.catalog.backend_session(OptionGreeks, files=[f"{self._root}/{file}" for file in files])
        pieces = []
        for chunk in session.to_query_result():
            stream = nautilus_pyo3.option_greeks_to_arrow_record_batch_bytes(list(chunk))
            pieces.append(pa.ipc.open_stream(stream).read_all().replace_schema_metadata(None))
        positions = np.repeat(np.arange(len(parts)), [part[2] for part in parts])
        expected = pa.Table.from_batches([encode_greeks(table, pa.array(names).take(pa.array(positions)))])
        received = pa.concat_tables(pieces) if pieces else expected.slice(0, 0)
        ranks = pc.index_in(received["instrument_id"], value_set=pa.array(names))
        keys = pc.fill_null(ranks, -1).to_numpy()
        self._compare(expected, [received], keys, names, [part[2] for part in parts])
        return set(files)

    def _present(self, files: list[str]) -> None:
        missing = [file for file in files if file not in self.manifest.files]
        if missing:
            raise self._difference(f"{missing[0]} is missing")

    def _compare(
        self,
        expected: pa.Table,
        pieces: list[pa.Table],
        keys: np.ndarray,
        names: list[str],
        rows: list[int],
    ) -> None:
        counts = np.bincount(keys[keys >= 0], minlength=len(names))
        for name, count, wanted in zip(names, counts.tolist(), rows, strict=True):
            if count != wanted:
                raise self._difference(f"{name} reads back with {count} rows, the mart has {wanted}")
        received = pa.concat_tables(pieces).combine_chunks()
        if len(received) != len(expected):
            raise self._difference(
                f"{len(received) - len(expected)} rows of other instruments came with {names[0]}"
            )
        order = np.lexsort((received["ts_init"].to_numpy(), keys))
        received = received.take(pa.array(order))
        for column in expected.column_names:
            unequal = _unequal(_one(expected[column]), _one(received[column]))
            if len(unequal):
                row = int(unequal[0])
                name = names[int(keys[order[row]])]
                stamp = np.datetime64(expected["ts_event"][row].as_py(), "ns")
                raise self._difference(
                    f"{name} at {stamp}Z: {column} is {_shown(received[column][row])},"
                    f" the mart has {_shown(expected[column][row])}"
                )
        self.rows += len(expected)
        self.progress("verify", len(expected))

    def _difference(self, what: str) -> TickmartError:
        return TickmartError(
            f"{self.uri} does not read back as it was exported: {what}. Export again; if it happens again,"
            " please report it."
        )


def _unequal(expected: pa.Array, received: pa.Array) -> np.ndarray:
    if pa.types.is_floating(expected.type):
        left, right = (column.to_numpy(zero_copy_only=False) for column in (expected, received))
        same = (left == right) | (np.isnan(left) & np.isnan(right))
        return np.flatnonzero(~same)
    return np.flatnonzero(pc.not_equal(expected, received).to_numpy(zero_copy_only=False))


def _shown(cell: pa.Scalar) -> Any:
    value = cell.as_py()
    if isinstance(value, bytes):
        return Decimal(int.from_bytes(value, "little", signed=True)).scaleb(-16).normalize()
    return value
