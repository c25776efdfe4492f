"""Bars of every length, and of currencies and coins, reach the frameworks as the files had them."""

import importlib.util
import json
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import backtrader
import pytest
from built_warehouse import build, tickmart
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from sqlalchemy import URL

pytestmark = pytest.mark.slow

INDIA, NEW_YORK = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")
HEADER = "time,open,high,low,close,volume"


def bars(first: datetime, step: timedelta, prices: list[str], volume: str = "1000") -> dict[datetime, str]:
    """Rows by their time: each opens at its price, and closes at the next one."""
    rows = {}
    for number, (opened, closed) in enumerate(pairwise(prices)):
        high, low = sorted((opened, closed), key=float)[::-1]
        rows[first + number * step] = f"{opened},{high},{low},{closed},{volume}"
    return rows


def write(path: Path, rows: dict[datetime, str], form: str = "%Y-%m-%d %H:%M:%S") -> Path:
    path.write_text("\n".join([HEADER, *(f"{at:{form}},{row}" for at, row in rows.items())]) + "\n")
    return path


HOUR = timedelta(hours=1)
COINS = bars(
    datetime(2025, 3, 30, 23, 0), timedelta(minutes=5), ["42000.12", "42010.5", "41990"] * 12, "979.281"
)
OF_BYBIT = bars(datetime(2025, 3, 31, 22, 0), HOUR, ["42001", "42002", "42003"], "0.00000001")
PAIR = bars(datetime(2025, 3, 24), timedelta(days=1), ["0.009374999", "0.0094", "0.0093", "0.0095"], "")
HOURS = bars(
    datetime(2025, 3, 11, 9, 15), timedelta(hours=1), ["48000", "48100", "48050", "48200"] * 2
) | bars(datetime(2025, 3, 12, 9, 15), timedelta(hours=1), ["48300", "48100", "48050", "48200"] * 2)
MINUTES = bars(datetime(2025, 3, 12, 9, 15), timedelta(minutes=1), ["48301", "48302", "48303"] * 25)
WEEKS = bars(datetime(2025, 3, 10), timedelta(weeks=1), ["210.5", "212", "205.25", "214.75", "199"])
ODD = {
    at: row
    for day in (10, 11, 12)
    for at, row in bars(
        datetime(2025, 3, day, 9, 30), timedelta(minutes=75), ["390", "391", "392", "393", "394", "395"]
    ).items()
}


@pytest.fixture(scope="module")
def folder(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of many lengths, loaded and built."""
    folder = tmp_path_factory.mktemp("files")
    for path, said in (
        (write(folder / "coins.csv", COINS), ("--symbol", "BTCUSDT", "--exchange", "BINANCE")),
        (write(folder / "same_coin.csv", OF_BYBIT), ("--symbol", "BTCUSDT", "--exchange", "BYBIT")),
        (write(folder / "pair.csv", PAIR, "%Y-%m-%d"), ("--symbol", "JPYUSD", "--type", "currency")),
        (write(folder / "hours.csv", HOURS), ("--symbol", "BANKNIFTY", "--label", "start")),
        (write(folder / "minutes.csv", MINUTES), ("--symbol", "BANKNIFTY", "--label", "start")),
        (
            write(folder / "weeks.csv", WEEKS, "%Y-%m-%d"),
            ("--symbol", "AAPL", "--exchange", "NASDAQ", "--interval", "1w", "--label", "start"),
        ),
        (
            write(folder / "odd.csv", ODD),
            ("--symbol", "MSFT", "--exchange", "NASDAQ", "--interval", "75m", "--label", "start"),
        ),
    ):
        tickmart("load", "csv", path, *said)
    build("--no-greeks")
    return folder


@pytest.fixture(scope="module")
def catalog(folder: Path) -> tuple[ParquetDataCatalog, dict[str, Any]]:
    """What Nautilus opens, and what the export said."""
    names = [
        word for name in ("BTCUSDT", "JPYUSD", "BANKNIFTY", "AAPL", "MSFT") for word in ("--symbol", name)
    ]
    done = tickmart("export", "nautilus", *names, "--to", folder / "catalog", "--json")
    return ParquetDataCatalog(str(folder / "catalog")), json.loads(done.stdout)


def of_catalog(catalog: ParquetDataCatalog, name: str) -> list[tuple[datetime, str]]:
    return [
        (
            datetime.fromtimestamp(bar.ts_event / 1e9, UTC),
            ",".join(f"{float(value):g}" for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)),
        )
        for bar in catalog.bars(bar_types=[f"{name}-LAST-EXTERNAL"])
    ]


def as_numbers(row: str) -> str:
    return ",".join(f"{float(cell or 0):g}" for cell in row.split(","))


def test_coins_keep_their_fractions_and_both_currencies(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]],
) -> None:
    read, _ = catalog
    (coin,) = read.instruments(instrument_ids=["BTCUSDT.BINANCE"])

    assert (str(coin.base_currency), str(coin.quote_currency), coin.size_precision) == ("BTC", "USDT", 8)
    assert of_catalog(read, "BTCUSDT.BINANCE-5-MINUTE") == [
        (at.replace(tzinfo=UTC) + timedelta(minutes=5), as_numbers(row)) for at, row in COINS.items()
    ]


def test_one_coin_of_two_exchanges_is_two_and_its_last_bar_ends_with_the_month(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]], folder: Path
) -> None:
    read, _ = catalog

    assert of_catalog(read, "BTCUSDT.BYBIT-1-HOUR") == [
        (at.replace(tzinfo=UTC) + HOUR, as_numbers(row)) for at, row in OF_BYBIT.items()
    ]
    (file,) = (folder / "catalog/data/bar/BTCUSDT.BYBIT-1-HOUR-LAST-EXTERNAL").iterdir()
    assert file.name.startswith("2025-03-01T00-00-00-000000001Z_2025-04-01T00-00-00-000000000Z")
    april = read.bars(bar_types=["BTCUSDT.BYBIT-1-HOUR-LAST-EXTERNAL"], start="2025-04-01")
    assert [float(bar.close) for bar in april] == [42003]


def test_a_pair_of_currencies_trades_over_the_counter(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]],
) -> None:
    read, said = catalog
    (pair,) = read.instruments(instrument_ids=["JPYUSD.OTC"])

    assert (str(pair.base_currency), str(pair.quote_currency), pair.price_precision) == ("JPY", "USD", 9)
    assert of_catalog(read, "JPYUSD.OTC-1-DAY") == [
        (at.replace(tzinfo=UTC) + timedelta(days=1), as_numbers(row)) for at, row in PAIR.items()
    ]
    assert [warning for warning in said["warnings"] if warning.startswith("JPYUSD")] == [
        "JPYUSD: no source states the volume of 3 1-DAY bars; it is written as 0, and a backtest fills orders"
        " against the smallest size."
    ]


def test_hours_that_were_delivered_count_where_none_are_made_of_minutes(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]],
) -> None:
    read, _ = catalog
    found = dict(of_catalog(read, "BANKNIFTY.NSE-1-HOUR"))
    close = datetime(2025, 3, 11, 15, 30, tzinfo=INDIA)

    # an index has no volume
    assert {at: row for at, row in found.items() if at <= close} == {
        min(at.replace(tzinfo=INDIA) + HOUR, close): as_numbers(row.replace(",1000", ",0"))
        for at, row in HOURS.items()
        if at.date() == date(2025, 3, 11)
    }
    assert [row for at, row in found.items() if at > close] == [
        "48301,48303,48301,48301,0",
        "48301,48303,48301,48303,0",
    ]


def test_a_week_lies_in_the_month_in_which_it_ends(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]], folder: Path
) -> None:
    read, _ = catalog
    ends = [(at + timedelta(weeks=1)).replace(tzinfo=NEW_YORK) for at in WEEKS]

    assert of_catalog(read, "AAPL.NASDAQ-1-WEEK") == [
        (end, as_numbers(row)) for end, row in zip(ends, WEEKS.values(), strict=True)
    ]
    files = sorted((folder / "catalog/data/bar/AAPL.NASDAQ-1-WEEK-LAST-EXTERNAL").iterdir())
    assert [file.name[:10] for file in files] == ["2025-03-01", "2025-04-01"]
    april = read.bars(bar_types=["AAPL.NASDAQ-1-WEEK-LAST-EXTERNAL"], start="2025-04-02")
    assert [float(bar.close) for bar in april] == [199]


def test_a_length_that_nautilus_has_not_is_said(catalog: tuple[ParquetDataCatalog, dict[str, Any]]) -> None:
    _, said = catalog

    assert "MSFT: Nautilus has no 75-MINUTE bars; those of the marts are left out." in said["warnings"]


def test_a_backtest_takes_the_shortest_bars_and_trades_a_coin(
    catalog: tuple[ParquetDataCatalog, dict[str, Any]], folder: Path
) -> None:
    run = ("backtest", "run", "--catalog", folder / "catalog", "--fast", "2", "--slow", "4", "--json")

    of_coin = json.loads(tickmart(*run, "--instrument", "BTCUSDT.BINANCE").stdout)
    of_index = tickmart(*run, "--instrument", "BANKNIFTY", "--bar", "1-HOUR", status=1)

    assert (of_coin["bar_type"], of_coin["bars"]) == ("BTCUSDT.BINANCE-5-MINUTE-LAST-EXTERNAL", len(COINS))
    assert of_coin["positions"] > 1
    assert of_index.stderr.startswith("error: BANKNIFTY.NSE is an index, which nobody buys")


def test_backtrader_reads_every_length(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = [word for name in ("AAPL", "MSFT", "BTCUSDT") for word in ("--symbol", name)]
    said = tickmart("export", "backtrader", *symbols, "--to", folder / "bt", "--json")
    spec = importlib.util.spec_from_file_location("feeds_of_any_length", folder / "bt/feeds.py")
    assert spec is not None
    assert spec.loader is not None
    feeds = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, feeds)  # where backtrader looks for the class
    spec.loader.exec_module(feeds)

    feed = feeds.open_contract("MSFT", "75-MINUTE")
    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.adddata(feed)
    cerebro.run()

    assert json.loads(said.stdout)["rows_verified"] == (
        len(WEEKS) + len(ODD) + 3 + len(COINS) + len(OF_BYBIT)  # and three days that are made of the odd ones
    )
    assert (feed.p.timeframe, feed.p.compression) == (backtrader.TimeFrame.Minutes, 75)
    assert list(feed.open.array) == [float(row.split(",")[0]) for row in ODD.values()]
    assert len(feeds.files("AAPL", "1-WEEK")) == 2
    assert len(feeds.files("BTCUSDT.BINANCE", "5-MINUTE")) == len(feeds.files("BTCUSDT.BYBIT", "1-HOUR")) == 1
