"""What is done where a file does not say everything: all of it is searched for a proof, else it is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_recognising import ANYBODYS, one_file

from loaders.landing.files import data_files
from loaders.landing.finding import files_by_source
from loaders.landing.stems import symbols_of_names
from loaders.recognising.guess import guess
from loaders.recognising.of_file import recognise_any
from loaders.source import SUFFIXES
from loaders.sources import SOURCES
from warehouse.errors import TickmartError

DAY = datetime(2025, 3, 3)
US = {"symbol": "AAPL", "exchange": "NASDAQ"}


def minutes(first: str, count: int = 390, step: int = 1, days: int = 3) -> Iterator[str]:
    """Bars of several days that begin at a time of day."""
    hour, minute = map(int, first.split(":"))
    for day in range(days):
        for number in range(count):
            yield f"{DAY + timedelta(days=day, hours=hour, minutes=minute + number * step)},10,12,9,11,100"


def text(*rows: str, header: str = "time,open,high,low,close,volume") -> str:
    return "\n".join([header, *rows]) + "\n"


def kept(path: Path, content: str, **said: str) -> dict[str, Any]:
    path.write_text(content)
    return recognise_any(one_file(path), ANYBODYS.checked_options(said), None).kept()


def question(path: Path, content: str, **said: str) -> str:
    with pytest.raises(TickmartError) as asked:
        kept(path, content, **said)
    return str(asked.value)


@pytest.mark.parametrize(("first", "label"), [("9:30", "start"), ("9:31", "end")])
def test_the_session_proves_which_end_of_a_bar_its_stamp_is(tmp_path: Path, first: str, label: str) -> None:
    read = kept(tmp_path / "bars.csv", text(*minutes(first)), **US)

    assert (read["interval"], read["label"]) == ("00:01:00", label)


def test_a_file_with_both_the_open_and_the_close_proves_nothing(tmp_path: Path) -> None:
    asked = question(tmp_path / "bars.csv", text(*minutes("9:30", 391)), **US)

    assert "3 of 3 days have a bar at the open, 3 at the close" in asked
    assert "--label start or --label end" in asked


def test_round_the_clock_a_stamp_is_the_start(tmp_path: Path) -> None:
    read = kept(tmp_path / "bars.csv", text(*minutes("0:00", 60)), symbol="BTCUSDT", exchange="BINANCE")

    assert (read["label"], read["zone"], read["instrument_type"]) == ("start", "UTC", "crypto")


def test_without_an_exchange_the_label_is_asked(tmp_path: Path) -> None:
    asked = question(tmp_path / "bars.csv", text(*minutes("9:30")), symbol="AAPL", timezone="UTC")

    assert "the hours of its sessions are not known" in asked


def test_days_need_no_zone_and_no_label(tmp_path: Path) -> None:
    read = kept(tmp_path / "days.csv", text("2025-03-03,10,12,9,11,1", "2025-03-04,10,12,9,11,1"), symbol="X")

    assert (read["interval"], read["label"], read["exchange"]) == ("1 day", None, "")


def test_weeks_are_asked(tmp_path: Path) -> None:
    rows = [f"2025-03-{day:02},10,12,9,11,1" for day in (3, 10, 17, 24, 31)]

    assert "7 days apart, as bars of weeks do" in question(tmp_path / "weeks.csv", text(*rows), **US)
    assert kept(tmp_path / "w.csv", text(*rows), **US, interval="1w", label="start")["interval"] == "7 days"


def test_a_share_that_trades_seldom_does_not_change_the_length_of_bars(tmp_path: Path) -> None:
    rows = [
        f"{row.partition(',')[0]},10,12,9,11,{symbol}" for symbol in ("A", "B") for row in minutes("9:30")
    ]
    seldom = [f"{DAY + timedelta(hours=hour)},10,12,9,11,C" for hour in (10, 11, 13, 15)]
    content = text(*rows, *seldom, header="time,open,high,low,close,symbol")

    assert kept(tmp_path / "bars.csv", content, exchange="NASDAQ")["interval"] == "00:01:00"


def test_a_day_above_twelve_far_behind_the_first_rows_proves_the_order(tmp_path: Path) -> None:
    days = [f"{month:02}/03/20{year:02},10,12,9,11,1" for year in range(10, 25) for month in range(1, 13)] * 5
    undecided, decided = text(*days), text(*days, "13/03/2025,10,12,9,11,1")

    assert "--dayfirst or --monthfirst" in question(tmp_path / "a.csv", undecided, **US, interval="1d")
    assert kept(tmp_path / "b.csv", decided, **US, interval="1d")["time"]["name"] == "day first"
    told = kept(tmp_path / "c.csv", undecided, **US, interval="1d", monthfirst="true")
    assert told["time"]["name"] == "month first"
    assert "contradicts its dates" in question(tmp_path / "d.csv", decided, **US, monthfirst="true")


def test_dates_of_both_orders_contradict_each_other(tmp_path: Path) -> None:
    content = text("13/03/2025,10,12,9,11,1", "03/14/2025,10,12,9,11,1", *["01/02/2025,10,12,9,11,1"] * 30)

    assert "a day above 12 first, others second" in question(tmp_path / "a.csv", content, **US)


def test_a_word_behind_twenty_thousand_numbers_fails_nothing(tmp_path: Path) -> None:
    content = text(*minutes("9:30", 390, days=60), "2025-06-02 09:30:00,N/A,N/A,N/A,N/A,")

    assert kept(tmp_path / "a.csv", content, **US)["interval"] == "00:01:00"


def test_times_of_two_forms_fail_the_file(tmp_path: Path) -> None:
    counted = [f"{1741012200 + 60 * number},10,12,9,11,1" for number in range(90)]
    content = text(*minutes("9:30"), *counted)

    assert "not of the form of the first" in question(tmp_path / "a.csv", content, **US)


def test_an_unknown_exchange_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TickmartError, match=r"--exchange 'Narnia' makes no sense: no exchange .* NSE, BSE"):
        ANYBODYS.checked_options({"exchange": "Narnia"})
    found = [ANYBODYS.checked_options({"exchange": name})["exchange"] for name in ("xnas", "Nasdaq", "NSE")]
    assert found == ["NASDAQ", "NASDAQ", "NSE"]


@pytest.mark.parametrize(
    ("names", "symbols"),
    [
        (["AAPL.csv", "MSFT_1d.csv.gz", "BRK B.csv"], ["AAPL", "MSFT", "BRK"]),
        (["AAPL_2024.csv", "AAPL_2025.csv"], []),
        (["daily_AAPL.csv", "daily_MSFT.csv"], []),
        (["1min_AAPL.csv", "MSFT.csv"], []),
        (["20250303.csv", "20250304.csv"], []),
        (["2025-03-03.csv", "AAPL.csv"], []),
        (["AAPL.csv"], []),
    ],
)
def test_names_of_files_are_symbols_only_if_they_can_be_nothing_else(
    tmp_path: Path, names: list[str], symbols: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text("x")
    files = [file for name in names for file in data_files(tmp_path / name, SUFFIXES)]

    assert list(symbols_of_names(files).values()) == symbols


def test_a_parquet_file_is_read_as_a_csv_with_its_columns_is(tmp_path: Path) -> None:
    starts = [
        DAY + timedelta(hours=14, minutes=30 + number, days=day) for day in range(3) for number in range(390)
    ]
    table = pa.table(
        {
            "timestamp": pa.array(starts, pa.timestamp("ns", "UTC")),
            **{name: pa.array([11.5] * len(starts)) for name in ("open", "high", "low", "close")},
            "volume": pa.array(range(len(starts)), pa.int64()),
        }
    )
    pq.write_table(table, tmp_path / "bars.parquet")

    read = recognise_any(one_file(tmp_path / "bars.parquet"), ANYBODYS.checked_options(US), None)

    assert (read.interval, read.label, read.zone, read.header_lines) == ("00:01:00", "start", None, 0)
    assert "AAPL  2025-03-03 09:30:00-0500 (2025-03-03 14:30:00 UTC)" in read.preview()[2]


def test_the_preview_shows_a_bar_that_is_stamped_with_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text(*minutes("9:31")))

    read = recognise_any(one_file(tmp_path / "a.csv"), ANYBODYS.checked_options(US), None)

    assert read.told() == "read as 1-minute bars of AAPL at NASDAQ, stamped with their end"
    assert "2025-03-03 09:30:00-0500 (2025-03-03 14:30:00 UTC)  open 10" in read.preview()[2]
    assert datetime(2025, 3, 3, 14, 30, tzinfo=UTC).isoformat()


def test_a_mapping_that_is_guessed_reads_the_file_as_before(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text(*minutes("9:30")))
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(guess(SOURCES["csv"], one_file(path), ANYBODYS.checked_options(US)))

    told, mapped = (
        recognise_any(one_file(path), ANYBODYS.checked_options(said), None).kept()
        for said in (US, {"mapping": str(mapping)})
    )

    assert mapped == told


def test_what_cannot_be_known_stands_in_the_guess_as_a_question(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text("01/02/2025,10,12,9,11,1", header="Date,Open,High,Low,Close,Volume"))

    written = guess(SOURCES["csv"], one_file(path), {"symbol": "AAPL"})

    assert "# Still open: bars.csv: no date of it shows whether 01/02/2025" in written
    assert "Date: time" in written
    assert "symbol: AAPL" in written


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("- a", "a mapping has keys and values"),
        ("columns: {Date: when}", "column 'Date' cannot be 'when'"),
        ("zone: UTC", "it has no key 'zone'"),
        ("label: middle", "it is one of start, end"),
        ("a: [", "it cannot be read as YAML"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(tmp_path: Path, mapping: str, words: str) -> None:
    (tmp_path / "m.yml").write_text(mapping)

    with pytest.raises(TickmartError) as refused:
        ANYBODYS.checked_options({"mapping": str(tmp_path / "m.yml")})

    assert words in str(refused.value)


def test_files_are_given_to_the_source_of_their_header(tmp_path: Path) -> None:
    fixtures = Path(__file__).parents[1] / "fixtures"
    paths = [
        fixtures / "nse-minute/bars.csv",
        fixtures / "csv/daily.csv",
        fixtures / "nse-bhavcopy/udiff_20240708.csv",
        fixtures / "nse-option-chain/api.json",
        tmp_path / "nowhere.csv",
    ]

    found = files_by_source(paths)

    assert {source: [Path(name).name for name in names] for source, names in found.items()} == {
        "nse-minute": ["bars.csv"],
        "csv": ["daily.csv", "nowhere.csv"],
        "nse-bhavcopy": ["udiff_20240708.csv"],
        "nse-option-chain": ["api.json"],
    }
