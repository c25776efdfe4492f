"""The mart data_quality beside the same measures by pandas, on files with known faults."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from built_warehouse import build, close_for_copying, copy_of, dbt, query, tickmart
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures/csv"
OPEN_OF_NEW_YORK = datetime(2025, 3, 12, 9, 30)
OPEN_OF_INDIA = datetime(2025, 3, 12, 9, 15)
MINUTE = timedelta(minutes=1)
GAP, SPIKE, STALE = range(30, 37), 90, range(150, 158)
DELIVERED_AGAIN, HIGH_BELOW_LOW = (200, 201), 210


def share_minutes(folder: Path) -> Path:
    """A session of a share in which minutes are missing, wrong, repeated and delivered again."""
    numbers = random.Random(7)
    rows, close = [], 200.0
    for minute in range(390):
        opened = close
        close = round(close + numbers.choice((-1, 1)) * numbers.uniform(0.01, 0.2), 2)
        rows.append(
            [minute, opened, max(opened, close), min(opened, close), close, numbers.randrange(1, 999)]
        )
    rows[SPIKE][2] = rows[SPIKE][4] = round(rows[SPIKE][4] * 1.2, 2)
    for minute in STALE:
        rows[minute][1:] = [rows[STALE[0] - 1][4]] * 4 + [0]
    rows[HIGH_BELOW_LOW][2] = rows[HIGH_BELOW_LOW][3] - 1
    rows += [list(rows[minute]) for minute in DELIVERED_AGAIN]
    rows[-1][5] += 1
    path = folder / "share.csv"
    path.write_text(
        "timestamp,open,high,low,close,volume\n"
        + "".join(
            f"{OPEN_OF_NEW_YORK + minute * MINUTE},{','.join(map(str, row))}\n"
            for minute, *row in rows
            if minute not in GAP
        )
    )
    return path


def option_minutes(folder: Path) -> Path:
    """Options with their quotes: one bar has its bid above the ask, one contract trades early and late."""
    numbers = random.Random(8)
    rows = []
    for minute in range(75):
        for strike, quiet in ((22400, range(0)), (22500, range(10, 70))):
            if minute not in quiet:
                half = numbers.randrange(1, 9) * 0.25 * (-1 if minute == 40 and strike == 22400 else 1)
                rows.append(
                    f"{OPEN_OF_INDIA + minute * MINUTE},NIFTY,{strike},2025-03-13,CE,100,100,100,100,75,"
                    f"{100 - half},{100 + half},0.15,1000\n"
                )
    path = folder / "options.csv"
    path.write_text(
        "timestamp,underlying,strike,expiry,option_type,open,high,low,close,volume,bid,ask,implied_volatility,"
        "open_interest\n" + "".join(rows)
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def built_once(built_database: URL, folder: Path) -> URL:
    tickmart("load", "csv", share_minutes(folder), "--symbol", "AAPL", "--exchange", "NASDAQ")
    tickmart("load", "csv", option_minutes(folder))
    tickmart("load", "csv", FIXTURES / "trades.csv", "--symbol", "BTCUSDT", "--exchange", "BINANCE")
    tickmart("load", "csv", FIXTURES / "quotes.csv", "--symbol", "NIFTY")
    build()
    close_for_copying(built_database)
    return built_database


@pytest.fixture
def warehouse(built_once: URL) -> Iterator[URL]:
    with copy_of(built_once) as copy:
        yield copy


def quality(where: str, *columns: str) -> list[tuple[Any, ...]]:
    return query(f"select {', '.join(columns)} from marts.data_quality where {where}")


def outliers(prices: pd.Series) -> int:
    """Spikes that are taken back, beyond ten scaled medians of the changes that are not zero."""
    before, after = prices.diff(), -prices.diff(-1)
    changes = before.abs()
    limit = 10 * 1.4826 * changes[changes > 0].median()
    return int(((before * after < 0) & (before.abs() > limit) & (after.abs() > limit)).sum())


def stale(bars: pd.DataFrame) -> int:
    """Bars in runs of five that repeat the bar before them."""
    repeats = (
        (bars.high == bars.low)
        & (bars.close == bars.close.shift())
        & ((bars.volume == 0) | (bars.volume == bars.volume.shift()))
    )
    lengths = repeats.groupby((~repeats).cumsum()).sum()
    return int(lengths[lengths >= 5].sum())


def test_faults_of_a_share_are_counted_as_pandas_counts_them(warehouse: URL, folder: Path) -> None:
    delivered = pd.read_csv(folder / "share.csv", parse_dates=["timestamp"])
    wrong = delivered.high < delivered.low
    bars = delivered[~wrong].drop_duplicates("timestamp", keep="last").set_index("timestamp").sort_index()
    session = pd.date_range(OPEN_OF_NEW_YORK, periods=390, freq="min")
    missing = session.difference(bars.index)

    assert (len(missing), outliers(bars.close), stale(bars)) == (8, 1, 8)
    assert quality(
        "underlying = 'AAPL'",
        "shape", "bar_interval::text", "instruments", "rows", "outside_hours", "expected", "missing",
        "longest_gap", "duplicates", "quarantined", "outliers", "stale", "without_volume", "quoted",
        "median_spread",
    ) == [
        (
            "bars", "00:01:00", 1, len(bars), 0, len(session), len(missing), len(GAP) * MINUTE,
            len(delivered) - len(bars) - wrong.sum(), wrong.sum(), outliers(bars.close), stale(bars),
            (bars.volume == 0).sum(), None, None,
        )
    ]  # fmt: skip


def test_spreads_of_options_are_medians_of_medians_and_their_quiet_minutes_no_fault(
    warehouse: URL, folder: Path
) -> None:
    bars = pd.read_csv(folder / "options.csv")
    bars["spread"] = (bars.ask - bars.bid) / ((bars.ask + bars.bid) / 2)
    told = bars[bars.ask >= bars.bid]
    [(median, widest, *counts)] = quality(
        "instrument_type = 'option'",
        "median_spread", "widest_spread", "rows", "instruments", "quoted", "crossed", "missing",
        "longest_gap", "duplicates", "quarantined",
    )  # fmt: skip

    assert counts == [90, 2, 90, 1, None, None, 0, 0]
    assert median == pytest.approx(told.groupby("strike").spread.median().median(), rel=1e-12)
    assert widest == pytest.approx(told.spread.max(), rel=1e-12)


def test_prints_are_measured_too(warehouse: URL) -> None:
    trades = pd.read_csv(FIXTURES / "trades.csv")
    quotes = pd.read_csv(FIXTURES / "quotes.csv")
    spread = (quotes.ask - quotes.bid) / ((quotes.ask + quotes.bid) / 2)
    [(median, *counts)] = quality(
        "shape = 'quotes'", "median_spread", "rows", "quoted", "crossed", "outliers", "bar_interval"
    )

    assert quality(
        "shape = 'trades'", "source", "rows", "outliers", "without_volume", "missing", "longest_gap", "quoted"
    ) == [
        ("csv", 60, outliers(trades.price), 0, None, timedelta(seconds=trades.time.diff().max()), None)
    ]  # fmt: skip
    assert counts == [60, 60, 0, outliers((quotes.bid + quotes.ask) / 2), None]
    assert median == pytest.approx(spread.median(), rel=1e-12)


def test_a_file_loaded_again_under_another_name_is_all_duplicates(warehouse: URL, folder: Path) -> None:
    again = folder / "again.csv"
    again.write_bytes((folder / "options.csv").read_bytes())

    tickmart("load", "csv", again)
    build()

    assert quality("instrument_type = 'option'", "rows", "duplicates") == [(90, 90)]
    dbt("test", "--select", "data_quality", "test_type:data")
