"""Anybody's files from the command that a user types to the marts that they fill."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from built_warehouse import build, close_for_copying, copy_of, dbt, query, tickmart, utc
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
DAY = datetime(2025, 3, 12)
OPTIONS = (
    "timestamp,underlying,strike,expiry,option_type,open,high,low,close,volume,bid,ask,implied_volatility,"
    "open_interest"
)


def lines(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text(lines(header, *rows))
    return path


def stamps(minutes: int, first: str = "09:15") -> list[str]:
    hour, minute = map(int, first.split(":"))
    return [str(DAY + timedelta(hours=hour, minutes=minute + number)) for number in range(minutes)]


def tutorial(folder: Path) -> tuple[Path, Path]:
    """The common pair of files: options with their quotes, and the spot that they are priced with."""
    rows = [
        f"{stamp},NIFTY,{strike},2025-03-13,{option_type},{price},{price},{price},{price},75,"
        f"{price - 1},{price + 1},0.15,1000"
        for stamp in stamps(75)
        for strike, option_type, price in (
            (22400, "CE", 160),
            (22400, "PE", 60),
            (22500, "CE", 100),
            (22500, "PE", 100),
        )
    ]
    return (
        write(folder / "nse_options_2024.csv", OPTIONS, *rows),
        write(
            folder / "nifty_spot_2024.csv",
            "timestamp,spot_price",
            *[f"{stamp},22500" for stamp in stamps(75)],
        ),
    )


@pytest.fixture(scope="module")
def built_once(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> URL:
    """Files of every kind, loaded as a user loads them; only copies are made of it."""
    folder = tmp_path_factory.mktemp("files")
    options, spot = tutorial(folder)
    tickmart("load", "csv", options)
    tickmart("load", "csv", spot, "--symbol", "NIFTY")
    tickmart("load", "csv", FIXTURES / "csv/daily.csv", "--symbol", "AAPL", "--exchange", "XNAS")
    tickmart("load", FIXTURES / "csv/minutes.csv", "--symbol", "AAPL", "--exchange", "Nasdaq")
    tickmart("load", "csv", FIXTURES / "csv/trades.csv", "--symbol", "BTCUSDT", "--exchange", "BINANCE")
    tickmart("load", "csv", FIXTURES / "csv/quotes.csv", "--symbol", "NIFTY")
    build()
    close_for_copying(built_database)
    return built_database


@pytest.fixture
def warehouse(built_once: URL) -> Iterator[URL]:
    """A copy of it, named by the environment."""
    with copy_of(built_once) as copy:
        yield copy


def test_the_tutorials_pair_ends_as_options_with_quotes_and_greeks(warehouse: URL) -> None:
    assert query(
        "select symbol, bar_start, bar_end, close, bid, ask, vendor_implied_volatility, underlying_price,"
        " greeks_status, implied_volatility between 0.05 and 0.6, source, line from marts.options_ticks"
        " where bar_start = '2025-03-12 09:15+05:30' order by strike desc, option_type limit 2"
    ) == [
        (
            f"NIFTY_250313_22500_{option_type}", utc("03-12", 3, 45), utc("03-12", 3, 46), 100, 99, 101, 0.15,
            22500, "ok", True, "csv", line,
        )
        for option_type, line in (("CE", 4), ("PE", 5))
    ]  # fmt: skip
    assert query(
        "select count(*), count(*) filter (where greeks_status = 'ok'), count(bid) from marts.options_ticks"
    ) == [(300, 300, 300)]
    assert query(
        "select bar_start, bar_end, bid, ask, vendor_implied_volatility from marts.options_hourly"
        " where strike = 22500 and option_type = 'CE' order by bar_start"
    ) == [
        (utc("03-12", 3, 45), utc("03-12", 4, 45), 99, 101, 0.15),
        (utc("03-12", 4, 45), utc("03-12", 5, 45), 99, 101, 0.15),
    ]


def test_a_price_at_a_time_is_a_close_whose_range_nobody_told(warehouse: URL) -> None:
    assert query(
        "select open, high, low, close from marts.spot_prices where session_date = '2025-03-12' limit 1"
    ) == [(None, None, None, 22500)]


def test_days_of_a_share_have_the_bounds_of_their_session(warehouse: URL) -> None:
    # the clock of New York changes on 9 March 2025
    assert query(
        "select session_date::text, bar_start, bar_end, open, close, volume, source, is_preferred"
        " from marts.equity_daily where symbol = 'AAPL' and source = 'daily bars'"
        " and session_date in ('2025-03-07', '2025-03-10') order by 1"
    ) == [
        (
            day, utc(day[5:], hour, 30), utc(day[5:], hour + 7), *_of_fixture(day), "daily bars", True,
        )
        for day, hour in (("2025-03-07", 14), ("2025-03-10", 13))
    ]  # fmt: skip
    assert query(
        "select instrument_type, exchange, currency, first_session::text from marts.instruments"
        " where symbol = 'AAPL'"
    ) == [("equity", "NASDAQ", "USD", "2025-03-03")]


def _of_fixture(day: str) -> tuple[Decimal, ...]:
    (row,) = [line for line in (FIXTURES / "csv/daily.csv").read_text().splitlines() if line.startswith(day)]
    _, first, _, _, last, volume = row.split(",")
    return Decimal(first), Decimal(last), Decimal(volume)


def test_minutes_of_a_share_are_ticks_and_its_built_day_stands_behind_the_vendors(warehouse: URL) -> None:
    rows = [line.split(";") for line in (FIXTURES / "csv/minutes.csv").read_text().splitlines()[1:]]
    first = [row for row in rows if row[0].startswith("2025-03-03")]

    assert query(
        "select count(*), min(bar_start), max(bar_end), sum(volume) from marts.equity_ticks"
        " where symbol = 'AAPL' and session_date = '2025-03-03'"
    ) == [(390, utc("03-03", 14, 30), utc("03-03", 21, 0), sum(int(row[5]) for row in first))]
    assert query(
        "select source, is_preferred, open::text, close::text, volume::int from marts.equity_daily"
        " where session_date = '2025-03-03' and source = 'intraday bars'"
    ) == [("intraday bars", False, first[0][1], first[-1][4], sum(int(row[5]) for row in first))]


def test_every_bar_stands_in_market_data_with_its_length(warehouse: URL) -> None:
    assert query(
        "select symbol, exchange, instrument_type, bar_interval::text, count(*), bool_and(is_preferred)"
        " from marts.market_data where instrument_type <> 'option' group by 1, 2, 3, 4 order by 1, 4"
    ) == [
        ("AAPL", "NASDAQ", "equity", "00:01:00", 1170, True),
        ("AAPL", "NASDAQ", "equity", "1 day", 45, True),
        ("NIFTY", "NSE", "index", "00:01:00", 75, True),
    ]


def test_prints_keep_their_order_and_their_side(warehouse: URL) -> None:
    assert query(
        "select count(*), min(session_date)::text, count(distinct (timestamp, sequence)), min(line)"
        " from marts.trades where symbol = 'BTCUSDT'"
    ) == [(60, "2025-03-10", 60, 2)]
    assert query("select distinct side from marts.trades order by 1") == [("buy",), ("sell",)]
    assert query("select count(*), min(bid_size), min(exchange) from marts.quotes") == [(60, 75, "NSE")]


def test_the_same_file_appended_lands_its_new_lines_and_two_files_overlap_by_the_newest(
    warehouse: URL, tmp_path: Path
) -> None:
    said = ("--symbol", "MSFT", "--exchange", "NASDAQ")
    path = write(
        tmp_path / "a.csv",
        "date,open,high,low,close,volume",
        "2025-03-03,10,12,9,11,100",
        "2025-03-04,10,12,9,11,100",
    )
    tickmart("load", "csv", path, *said)
    with path.open("a") as more:
        more.write("2025-03-05,10,12,9,11,100\n")
    (grown,) = json.loads(tickmart("load", "csv", path, *said, "--json").stdout)
    other = write(tmp_path / "b.csv", "date,open,high,low,close,volume", "2025-03-05,20,22,19,21,200")
    tickmart("load", "csv", other, *said)

    outcome = build("--no-greeks")

    assert (grown["rows"], grown["continues"] is not None) == (1, True)
    assert query(
        "select session_date::text, close from marts.equity_daily where symbol = 'MSFT' order by 1"
    ) == [("2025-03-03", 11), ("2025-03-04", 11), ("2025-03-05", 21)]
    assert query("select reason, count(*) from marts.superseded_rows group by 1") == [
        ("conflict: a newer load has other values", 1)
    ]
    assert outcome["models"] > 0


def test_other_answers_for_the_same_file_are_a_restatement(warehouse: URL, tmp_path: Path) -> None:
    header = "time,open,high,low,close"
    path = write(tmp_path / "bars.csv", header, *[f"{stamp},10,12,9,11" for stamp in stamps(60, "10:00")])
    said = ("--symbol", "INFY", "--exchange", "NSE")
    (first,) = json.loads(tickmart("load", "csv", path, *said, "--label", "start", "--json").stdout)
    (same,) = json.loads(tickmart("load", "csv", path, *said, "--label", "start", "--json").stdout)
    (other,) = json.loads(tickmart("load", "csv", path, *said, "--label", "end", "--json").stdout)

    build("--no-greeks")

    assert (same["status"], other["restates"]) == ("already loaded", first["load_id"])
    assert query("select min(bar_start), max(bar_end) from marts.equity_ticks where symbol = 'INFY'") == [
        (utc("03-12", 4, 29), utc("03-12", 5, 29))
    ]


def test_an_hour_that_the_clock_repeats_is_quarantined(warehouse: URL, tmp_path: Path) -> None:
    night = datetime(2024, 11, 3)
    rows = [f"{night + timedelta(minutes=5 * number)},10,12,9,11" for number in range(48)]
    path = write(tmp_path / "night.csv", "time,open,high,low,close", *rows)
    tickmart("load", "csv", path, "--symbol", "ES", "--timezone", "America/New_York", "--label", "start")

    build("--no-greeks")

    assert query("select split_part(reason, ':', 1), count(*) from marts.quarantine group by 1") == [
        ("hour that a change of the clock repeats", 12)
    ]
    assert query("select count(*), min(exchange) from marts.market_data where symbol = 'ES'") == [(36, "")]


def test_two_sources_of_one_bar_stand_beside_each_other(warehouse: URL, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "my-vendor.yml").write_text("exchange: NASDAQ\nsymbol: AAPL\nrank: 7\n")
    path = write(
        tmp_path / "aapl.csv",
        "date,open,high,low,close,volume",
        "2025-03-04,1,2,1,2,3",
        "2025-03-05,1,2,1,2,3",
    )
    tickmart("load", "my-vendor", path, TICKMART_PLUGINS_FOLDER=str(tmp_path))

    build("--no-greeks")

    assert query(
        "select source, is_preferred, count(*) from marts.market_data"
        " where symbol = 'AAPL' and bar_interval = '1 day'"
        " and session_date between '2025-03-04' and '2025-03-05' group by 1, 2 order by 1"
    ) == [("csv", False, 2), ("my-vendor", True, 2)]


def test_option_symbols_of_the_clearing_corporation_are_read(warehouse: URL, tmp_path: Path) -> None:
    path = write(
        tmp_path / "occ.csv",
        "date,symbol,open,high,low,close",
        "2025-03-03,AAPL  250321C00150000,10,12,9,11",
        "2025-03-03,AAPL250321P00152500,10,12,9,11",
        "2025-03-04,AAPL  250321C00150000,10,12,9,11",
    )
    tickmart("load", "csv", path, "--exchange", "NASDAQ")

    build("--no-greeks")

    assert query(
        "select instruments.underlying, expiry::text, strike::text, option_type, count(*)"
        " from marts.market_data inner join marts.instruments using (symbol, exchange)"
        " where instruments.instrument_type = 'option' and exchange = 'NASDAQ' group by 1, 2, 3, 4 order by 3"
    ) == [("AAPL", "2025-03-21", "150", "CE", 2), ("AAPL", "2025-03-21", "152.5", "PE", 1)]


def test_where_two_sources_differ_the_rows_and_the_summary_say_so(warehouse: URL, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "other-vendor.yml").write_text("exchange: NASDAQ\nsymbol: AAPL\n")
    lines_of_daily = (FIXTURES / "csv/daily.csv").read_text().splitlines()
    changed = [
        ",".join([*row.split(",")[:4], str(Decimal(row.split(",")[4]) + 1), row.split(",")[5]])
        if number % 4 == 0
        else row
        for number, row in enumerate(lines_of_daily[1:])
        if Decimal(row.split(",")[2]) >= Decimal(row.split(",")[4]) + (number % 4 == 0)
    ]
    differing = sum(row not in lines_of_daily for row in changed)
    path = write(tmp_path / "aapl.csv", lines_of_daily[0], *changed)
    tickmart("load", "other-vendor", path, TICKMART_PLUGINS_FOLDER=str(tmp_path))

    build("--no-greeks")

    assert differing > 3
    assert query(
        "select source, other_source, bars, differing_in_price, differing_in_volume,"
        " largest_difference_of_closes from marts.bar_differences_by_source where symbol = 'AAPL'"
    ) == [("csv", "other-vendor", len(changed), differing, 0, 1)]
    assert query(
        "select count(*), bool_and(other_close - close = 1) from marts.bar_differences where differs_in_price"
    ) == [(differing, True)]
    assert query("select reason, count(*) from marts.superseded_rows group by 1 order by 2") == [
        ("conflict: a source of better rank has other values", differing),
        ("same row delivered by another file", len(changed) - differing),
    ]


def test_shares_reach_nautilus_and_backtrader_by_one_command(warehouse: URL, tmp_path: Path) -> None:
    said = ("--symbol", "AAPL", "--exchange", "NASDAQ", "--no-tests", "--json")
    minutes = FIXTURES / "csv/minutes.csv"

    nautilus, backtrader = (
        json.loads(tickmart("run", "csv", minutes, "--to", tmp_path / name, "--format", name, *said).stdout)[
            "export"
        ]
        for name in ("nautilus", "backtrader")
    )
    backtest = json.loads(
        tickmart("backtest", "run", "--catalog", tmp_path / "nautilus", "--bar", "1-DAY", "--json").stdout
    )

    assert (nautilus["underlyings"], nautilus["rows"], nautilus["rows_verified"]) == (["AAPL"], 1215, 1215)
    assert (backtrader["rows"], backtrader["rows_verified"]) == (1215, 1215)
    assert (backtest["instrument"], backtest["bars"], backtest["currency"]) == ("AAPL.NASDAQ", 45, "USD")


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize(
    ("asked", "mart", "expected"),
    [
        # a moment: the minute, and the day that it lies in
        (("AAPL", "2025-03-04T09:31"), "market_data", [("minutes.csv", 1), ("daily.csv", 1)]),
        (("AAPL.NASDAQ", "2025-03-04T09:31", "--mart", "equity_ticks"), "equity_ticks", [("minutes.csv", 1)]),
        # a day: the vendor's, and the one made of its 390 minutes
        (("AAPL", "2025-03-04"), "equity_daily", [("daily.csv", 1), ("minutes.csv", 390)]),
    ],
)
def test_a_row_of_a_share_is_traced_to_its_lines(
    asked: tuple[str, ...], mart: str, expected: list[tuple[str, int]]
) -> None:
    traced = json.loads(tickmart("trace", *asked, "--json").stdout)

    origins = [origin for row in traced["rows"] for origin in row["origins"]]
    assert traced["mart"] == mart
    assert sorted((Path(origin["load"]["uri"]).name, origin["rows"]) for origin in origins) == sorted(
        expected
    )
    for row in traced["rows"]:
        for line in (line for origin in row["origins"] for line in origin["lines"]):
            assert line["text_from"] == "the file"
            if "line" in row["row"]:
                assert (line["line"], str(row["row"]["close"]) in line["text"]) == (row["row"]["line"], True)


def test_the_list_names_what_every_file_gave(warehouse: URL) -> None:
    listed = json.loads(tickmart("list", "--symbol", "aapl", "--json").stdout)

    assert [(row["interval"], row["rows"], row["source"], row["mart"]) for row in listed] == [
        ("1-DAY", 45, "csv", "market_data"),
        ("1-MINUTE", 1170, "csv", "market_data"),
    ]


@pytest.mark.usefixtures("warehouse")
def test_equal_prints_count_across_the_place_where_a_file_had_ended(tmp_path: Path) -> None:
    header, print_of_a_second = "timestamp,price,size", "2025-03-12 10:00:01,100,5"
    trades = (
        "select count(*), max(sequence), count(distinct load_id) from marts.trades"
        " where symbol = 'WIFUSDT' and timestamp = '2025-03-12 10:00:01+00'"
    )
    said = ("--symbol", "WIFUSDT", "--exchange", "BINANCE")
    growing = write(tmp_path / "growing.csv", header, "2025-03-12 10:00:00,99,1", *[print_of_a_second] * 2)
    tickmart("load", "csv", growing, *said)
    build()
    assert query(trades) == [(2, 2, 1)]

    with growing.open("a") as file:
        file.write(lines(print_of_a_second, "2025-03-12 10:00:02,101,1"))
    tickmart("load", "csv", growing, *said)
    build()
    assert query(trades) == [(3, 3, 2)]

    # the whole day in another file is the same prints
    tickmart("load", "csv", write(tmp_path / "whole.csv", *growing.read_text().splitlines()), *said)
    build()
    assert query(trades) == [(3, 3, 1)]
    assert query(
        "select reason, count(*) from marts.superseded_rows where underlying = 'WIFUSDT' group by 1"
    ) == [("same row delivered by another file", 5)]


ROLLED_UP = (
    "select symbol, bar_interval, bar_start, bar_end, session_date, open, high, low, close, volume,"
    " open_interest, bars from marts.market_data_rolled_up order by symbol, bar_interval, bar_start"
)


def test_bars_are_rolled_up_the_same_by_views_and_from_stored_fives(warehouse: URL) -> None:
    by_views = query(ROLLED_UP)
    of_file = pd.read_csv(FIXTURES / "csv/minutes.csv", sep=";", index_col=0, parse_dates=True)
    minutes = of_file.tz_localize("America/New_York").between_time("09:30", "15:59")
    expected = minutes.resample("30min", origin="start_day", offset="9h30min").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    ).dropna()  # fmt: skip

    assert len(expected) > 30
    assert [
        (bar_start, *map(float, prices))
        for symbol, length, bar_start, _, _, *prices, _, _ in by_views
        if (symbol, length) == ("AAPL", timedelta(minutes=30))
    ] == [(row.Index, *map(float, row[1:])) for row in expected.itertuples()]

    stored = ("run", "--select", "int_options__bars_five_minutes+", "int_spot__prices_five_minutes+")
    dbt(*stored, "--vars", "{roll_ups: stored}")
    kinds = (
        "select relname, relkind::text from pg_class"
        " where relname like '%five_minutes' and relkind in ('v', 'r') order by 1"
    )
    assert query(kinds) == [
        ("int_futures__bars_five_minutes", "v"),
        ("int_options__bars_five_minutes", "r"),
        ("int_spot__prices_five_minutes", "r"),
    ]
    assert query(ROLLED_UP) == by_views

    build()
    assert {kind for _, kind in query(kinds)} == {"v"}
    assert query(ROLLED_UP) == by_views
