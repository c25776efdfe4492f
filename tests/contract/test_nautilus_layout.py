"""The catalog layout is internal to a Nautilus version: held here to what its own API writes and reads."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import mart_tables
import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mart_tables import APRIL, CALL, MARCH, PUT, SYMBOLS, change, day_row, minutes, moment, with_greeks
from nautilus_trader.backtest.node import BacktestNode
from nautilus_trader.config import (
    BacktestDataConfig,
    BacktestEngineConfig,
    BacktestRunConfig,
    BacktestVenueConfig,
    LoggingConfig,
)
from nautilus_trader.model.data import Bar, BarType, OptionGreeks
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.trading.strategy import Strategy
from sqlalchemy import URL

from exporters.exporting import ExportReport, export
from exporters.formats import nautilus
from exporters.marts import Contract
from exporters.months import Month
from warehouse import database as databases
from warehouse.errors import TickmartError

OPTION = Contract(
    "option",
    "NIFTY_250403_22500_CE",
    "NSE",
    "NIFTY",
    "NIFTY2540322500CE",
    date(2025, 4, 3),
    Decimal(22500),
    "CE",
    75,
    Decimal("0.05"),
    MARCH,
    moment(date(2025, 4, 3), "15:30"),
)
FUTURE = Contract(
    "future",
    "NIFTY_250424_FUT",
    "NSE",
    "NIFTY",
    None,
    date(2025, 4, 24),
    None,
    None,
    75,
    Decimal("0.05"),
    MARCH,
    moment(date(2025, 4, 24), "15:30"),
)
INDEX = Contract("index", "NIFTY", "NSE", "NIFTY")
STAMPS = [1_743_133_560_000_000_000 + 60_000_000_000 * step for step in range(3)]


@pytest.fixture
def marts(fresh_database: URL) -> Iterator[psycopg2.extensions.connection]:
    with databases.connect() as connection:
        mart_tables.create(connection)
        mart_tables.fill(connection)
        yield connection


def run(folder: Path, *underlyings: str) -> ExportReport:
    return export("nautilus", underlyings, None, None, str(folder))


def only_file(folder: Path) -> Path:
    (path,) = folder.rglob("*.parquet")
    return path


def test_bars_are_written_as_the_api_writes_them(tmp_path: Path) -> None:
    prices = [Decimal("100.05"), Decimal("-3.10"), Decimal("99999999.95")]
    table = pa.table(
        {
            **{name: pa.array(prices, pa.decimal128(18, 8)) for name in ("open", "high", "low", "close")},
            "volume": pa.array([75, None, 12_345_678_900]).cast(pa.decimal128(28, 8)),
            "bar_end": pa.array(STAMPS, pa.int64()),
        }
    )
    bar_type = BarType.from_str("NIFTY_250403_22500_CE.NSE-1-MINUTE-LAST-EXTERNAL")
    bars = [
        Bar(bar_type, *[Price(price, 2)] * 4, Quantity(size, 0), stamp, stamp)
        for price, size, stamp in zip(prices, [75, 0, 12_345_678_900], STAMPS, strict=True)
    ]
    ParquetDataCatalog(str(tmp_path)).write_data(bars)
    theirs = pq.read_table(only_file(tmp_path))

    ours = pq.read_table(
        pa.BufferReader(
            nautilus.parquet(nautilus.encode_bars(table), nautilus.bar_metadata(OPTION, "1-MINUTE", 2))
        )
    )

    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert ours.equals(theirs)


def test_greeks_are_written_as_the_api_writes_them(tmp_path: Path) -> None:
    nan = float("nan")
    values = pa.array([0.5, 0.25, None], pa.float64())
    table = pa.table(
        {
            **dict.fromkeys(("delta", "gamma", "vega", "theta", "rho", "implied_volatility"), values),
            "underlying_price": pa.array([22510.35, None, 22511.0], pa.float64()),
            "open_interest": pa.array([75_000, 75_075, None], pa.int64()),
            "bar_end": pa.array(STAMPS, pa.int64()),
        }
    )
    instrument = InstrumentId.from_str("NIFTY_250403_22500_CE.NSE")
    # the moment of the bar, given out just before it
    stamps = [(stamp, stamp - 1) for stamp in STAMPS]
    greeks = [
        OptionGreeks(instrument, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, None, None, 22510.35, 75_000.0, *stamps[0]),
        OptionGreeks(instrument, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, None, None, None, 75_075.0, *stamps[1]),
        OptionGreeks(instrument, nan, nan, nan, nan, nan, None, None, None, 22511.0, None, *stamps[2]),
    ]
    ParquetDataCatalog(str(tmp_path)).write_data(greeks)
    theirs = pq.read_table(only_file(tmp_path))
    ids = pa.array([instrument.value] * 3)

    ours = pq.read_table(
        pa.BufferReader(
            nautilus.parquet(nautilus.encode_greeks(table, ids), nautilus.greeks_metadata(OPTION))
        )
    )

    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert str(ours.to_pylist()) == str(theirs.to_pylist())


@pytest.mark.parametrize("contract", [OPTION, FUTURE, INDEX], ids=lambda contract: contract.kind)
def test_definitions_are_written_as_the_api_writes_them(contract: Contract, tmp_path: Path) -> None:
    ParquetDataCatalog(str(tmp_path)).write_data([nautilus.instrument(contract, 2)])
    path = only_file(tmp_path)

    ours = pq.read_table(pa.BufferReader(nautilus.definition(contract, 2)))

    assert ours.schema.equals(pq.read_schema(path), check_metadata=True)
    assert ours.equals(pq.read_table(path))
    assert path.name == nautilus.DEFINITION_FILE
    assert path.parent.name == nautilus.instrument_id(contract)
    assert path.parent.parent.name == nautilus.FOLDERS[contract.kind]


def test_a_definition_says_what_the_exchange_says() -> None:
    option: Any = nautilus.instrument(OPTION, 2)

    assert option.id.value == "NIFTY_250403_22500_CE.NSE"
    assert option.raw_symbol.value == "NIFTY2540322500CE"
    assert option.strike_price == Price.from_str("22500.00")
    assert option.price_increment == Price.from_str("0.05")
    assert (int(option.multiplier), int(option.lot_size)) == (1, 75)
    assert option.underlying == "NIFTY"
    assert option.expiration_utc.isoformat() == "2025-04-03T10:00:00+00:00"
    assert option.activation_utc.isoformat() == "2025-03-27T18:30:00+00:00"


def test_months_touch_and_do_not_overlap() -> None:
    march, april = (nautilus.month_stamps(Month(2025, month), INDEX.zone) for month in (3, 4))

    assert march[1] + 1 == april[0]
    assert nautilus.month_file(Month(2025, 3), INDEX.zone) == (
        "2025-02-28T18-30-00-000000000Z_2025-03-31T18-29-59-999999999Z.parquet"
    )
    assert nautilus.month_file(Month(2025, 12), INDEX.zone).endswith(
        "_2025-12-31T18-29-59-999999999Z.parquet"
    )


def test_nautilus_finds_no_gap_between_months(marts: psycopg2.extensions.connection, tmp_path: Path) -> None:
    run(tmp_path)
    bar_type = f"{SYMBOLS[CALL]}.NSE-1-MINUTE-LAST-EXTERNAL"
    catalog = ParquetDataCatalog(str(tmp_path))

    first = nautilus.month_stamps(Month(2025, 3), INDEX.zone)[0]
    last = nautilus.month_stamps(Month(2025, 4), INDEX.zone)[1]

    assert catalog.get_missing_intervals_for_request(first, last, Bar, bar_type) == []


def test_greeks_carry_open_interest_where_there_is_no_price_for_them(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(tmp_path)

    greeks = ParquetDataCatalog(str(tmp_path)).query(OptionGreeks, identifiers=[f"{SYMBOLS[CALL]}.NSE"])

    last_of_march = greeks[4]
    assert len(greeks) == 10
    assert np.isnan([last_of_march.delta, last_of_march.gamma, last_of_march.theta]).all()
    assert last_of_march.mark_iv is None
    assert last_of_march.open_interest == 75_300.0
    assert greeks[0].mark_iv == 0.1234
    assert greeks[0].underlying_price == 22510.35


def test_a_backtest_meets_each_bar_with_the_greeks_of_its_own_minute_whatever_the_chunks(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    session = date(2025, 4, 2)
    call = with_greeks(minutes(CALL, session, 161, "100.05"), "CE")
    put = with_greeks(minutes(PUT, session, 161, "80.00"), "PE")
    mart_tables.insert(marts, "options_ticks", call + put)
    mart_tables.insert(marts, "options_daily", [day_row(call[0])])  # without it the session is not known
    run(tmp_path)

    counts = {}
    for chunk_size in (None, 1, 2, 7, 100, 50_000):
        for greeks_first in (True, False):
            seen = greeks_at_each_bar(tmp_path, chunk_size=chunk_size, greeks_first=greeks_first)
            counts[chunk_size, greeks_first] = (len(seen), sum(bar == latest for bar, latest in seen))

    # two contracts of 161 minutes, and the 5 and 3 of each of the two sessions that are there anyway
    bars = 2 * 161 + 2 * (5 + 3)
    assert counts == dict.fromkeys(counts, (bars, bars))


def greeks_at_each_bar(
    catalog: Path, *, chunk_size: int | None, greeks_first: bool
) -> list[tuple[int, int | None]]:
    """Run a backtest; return every bar's stamp and that of its option's latest Greeks."""
    options = [f"{SYMBOLS[contract]}.NSE" for contract in (CALL, PUT)]
    of_greeks = [
        BacktestDataConfig(
            catalog_path=str(catalog),
            instrument_id=option,
            data_cls="nautilus_trader.model.data:OptionGreeks",
        )
        for option in options
    ]
    of_bars = [
        BacktestDataConfig(
            catalog_path=str(catalog),
            instrument_id=option,
            bar_spec="1-MINUTE-LAST",
            data_cls="nautilus_trader.model.data:Bar",
        )
        for option in options
    ]
    config = BacktestRunConfig(
        engine=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)),
        venues=[
            BacktestVenueConfig(
                name="NSE", oms_type="NETTING", account_type="MARGIN", starting_balances=["1000000 INR"]
            )
        ],
        data=of_greeks + of_bars if greeks_first else of_bars + of_greeks,
        chunk_size=chunk_size,
        raise_exception=True,
    )
    node = BacktestNode([config])
    node.build()
    engine = node.get_engine(config.id)
    assert engine is not None
    watcher = Watcher(options)
    engine.add_strategy(watcher)
    node.run()
    node.dispose()
    return watcher.seen


class Watcher(Strategy):
    """Notes, at every bar, the moment of its option's latest Greeks."""

    def __init__(self, options: list[str]) -> None:
        super().__init__()
        self.options = options
        self.latest: dict[str, int] = {}
        self.seen: list[tuple[int, int | None]] = []

    def on_start(self) -> None:
        for option in self.options:
            self.subscribe_option_greeks(InstrumentId.from_str(option))
            self.subscribe_bars(BarType.from_str(f"{option}-1-MINUTE-LAST-EXTERNAL"))

    def on_option_greeks(self, greeks: OptionGreeks) -> None:
        self.latest[greeks.instrument_id.value] = greeks.ts_event

    def on_bar(self, bar: Bar) -> None:
        self.seen.append((bar.ts_event, self.latest.get(bar.bar_type.instrument_id.value)))


def test_a_session_without_minutes_has_the_greeks_of_its_daily_row(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    row = with_greeks(minutes(CALL, date(2025, 4, 2), 2, "90.00"), "CE")[0]
    untraded = dict.fromkeys(("open", "high", "low", "close")) | {
        "volume": 0,
        "is_traded": False,
        "delta": None,
    }
    mart_tables.insert(marts, "options_daily", [day_row(row, **untraded)])

    run(tmp_path)

    greeks = ParquetDataCatalog(str(tmp_path)).query(OptionGreeks, identifiers=[f"{SYMBOLS[CALL]}.NSE"])
    assert len(greeks) == 11
    assert greeks[-1].ts_event == int(moment(date(2025, 4, 2), "15:30").timestamp()) * 10**9
    assert np.isnan(greeks[-1].delta)
    assert greeks[-1].open_interest == 75_000.0


def test_an_untraded_day_is_no_bar(marts: psycopg2.extensions.connection, tmp_path: Path) -> None:
    row = with_greeks(minutes(PUT, date(2025, 4, 2), 2, "90.00"), "PE")[0]
    untraded = dict.fromkeys(("open", "high", "low", "close")) | {"volume": 0, "is_traded": False}
    mart_tables.insert(marts, "options_daily", [day_row(row, **untraded)])

    run(tmp_path)

    bars = ParquetDataCatalog(str(tmp_path)).bars(bar_types=[f"{SYMBOLS[PUT]}.NSE-1-DAY-LAST-EXTERNAL"])
    assert [datetime.fromtimestamp(bar.ts_event / 1e9, UTC).date() for bar in bars] == [MARCH, APRIL]


def test_only_the_preferred_daily_row_is_a_bar(marts: psycopg2.extensions.connection, tmp_path: Path) -> None:
    run(tmp_path)

    bars = ParquetDataCatalog(str(tmp_path)).bars(bar_types=[f"{SYMBOLS[CALL]}.NSE-1-DAY-LAST-EXTERNAL"])

    assert [str(bar.close) for bar in bars] == ["100.05", "100.05"]


def test_bars_are_stamped_with_their_end(marts: psycopg2.extensions.connection, tmp_path: Path) -> None:
    run(tmp_path)

    bars = ParquetDataCatalog(str(tmp_path)).bars(bar_types=["NIFTY.NSE-1-MINUTE-LAST-EXTERNAL"])

    first = int((moment(MARCH, "09:15") + timedelta(minutes=1)).timestamp()) * 10**9
    assert (bars[0].ts_event, bars[0].ts_init) == (first, first)


def test_an_unknown_lot_size_is_one_and_said(marts: psycopg2.extensions.connection, tmp_path: Path) -> None:
    report = run(tmp_path)

    (future,) = ParquetDataCatalog(str(tmp_path)).instruments(instrument_ids=["NIFTY_250424_FUT.NSE"])
    assert int(future.lot_size) == 1
    assert future.info["lot_size"] == "unknown"
    assert report.warnings == (
        "NIFTY: no source states the lot size of 1 of 1 futures; their definitions say 1.",
    )


def test_a_symbol_that_nautilus_cannot_query_is_spelled_without_its_special_characters(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    for table, column in (("spot_prices", "symbol"), ("spot_daily", "symbol")):
        change(
            marts,
            f'insert into marts.{table} select (jsonb_populate_record(t, \'{{"symbol": "M&M"}}\')).*'
            f" from marts.{table} as t where {column} = 'NIFTY'",
        )

    run(tmp_path, "M&M")

    assert len(ParquetDataCatalog(str(tmp_path)).bars(bar_types=["M_M.NSE-1-MINUTE-LAST-EXTERNAL"])) == 10


def test_names_that_nautilus_takes_for_one_are_refused(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    for name in ("M&M", "M-M"):
        for table in ("spot_prices", "spot_daily"):
            change(
                marts,
                f'insert into marts.{table} select (jsonb_populate_record(t, \'{{"symbol": "{name}"}}\')).*'
                f" from marts.{table} as t where symbol = 'NIFTY'",
            )

    with pytest.raises(TickmartError, match="one table to Nautilus"):
        run(tmp_path, "M&M", "M-M")

    assert not list(tmp_path.rglob("*.parquet"))


def test_finer_prices_in_one_month_alone_ask_for_all_months(
    marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(tmp_path)
    change(
        marts,
        f"update marts.options_ticks set close = 100.0525 where session_date = '{APRIL}' and close = 100.05",
    )

    with pytest.raises(TickmartError, match=r"need 4 decimals.*--start 2025-03-28 --end 2025-04-01"):
        export("nautilus", ["NIFTY"], APRIL, APRIL, str(tmp_path))

    run(tmp_path)
    bars = ParquetDataCatalog(str(tmp_path)).bars(bar_types=[f"{SYMBOLS[CALL]}.NSE-1-MINUTE-LAST-EXTERNAL"])
    assert {bar.close.precision for bar in bars} == {4}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"source": "official", "open": None, "high": None, "low": None}, 48_100),  # a close alone is no bar
        ({"source": "minute bars", "open": 7, "high": 9, "low": 7}, 48_100),  # made of some minutes
        ({"source": "official", "open": 7, "high": 9, "low": 7}, 8),
    ],
)
def test_a_day_that_was_delivered_goes_behind_a_whole_one_of_the_exchange_alone(
    marts: psycopg2.extensions.connection, tmp_path: Path, own: dict[str, Any], expected: int
) -> None:
    of_the_day = {
        "symbol": "BANKNIFTY",
        "session_date": MARCH,
        "bar_start": moment(MARCH, "09:15"),
        "bar_end": moment(MARCH, "15:30"),
        "is_preferred": True,
    }
    prices = {"open": 48_000, "high": 48_200, "low": 47_900, "close": 48_100}
    series = {"instrument_type": "index", "bar_interval": "1 day", "adjusted_for": "none"}
    mart_tables.insert(marts, "spot_daily", [of_the_day | {"close": 8} | own])
    mart_tables.insert(marts, "market_data", [of_the_day | prices | series | {"underlying": "BANKNIFTY"}])
    mart_tables.insert(
        marts,
        "bar_series",
        [
            series
            | {
                "underlying": "BANKNIFTY",
                "exchange": "NSE",
                "length": "1-DAY",
                "preferred_bars": 1,
                "first_date": MARCH,
                "last_date": MARCH,
            }
        ],
    )

    export("nautilus", ["BANKNIFTY"], None, None, str(tmp_path))

    bars = ParquetDataCatalog(str(tmp_path)).bars()
    assert [float(bar.close) for bar in bars] == [expected]
