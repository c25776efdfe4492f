"""The generated vendor files: the same everywhere, and as the exchange and its vendor would write them."""

import csv
import hashlib
import io
import json
import os
import subprocess
import zipfile
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from warm_python.interpreter import COLD

from sampledata.contracts import (
    UNDERLYINGS,
    is_regular_session,
    listed_expiries,
    lot_size,
    risk_free_rate,
    session_hours,
    sessions_from,
)
from sampledata.equity import write_equity_sample
from sampledata.generate import DEFAULT_START, write_sample
from tickmart.sample import app
from warehouse.errors import TickmartError

PROJECT = Path(__file__).resolve().parents[2]

# Without these numpy computes exponentials and logarithms that differ in the last bit.
PLAIN_CPU = "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"

# How each file's digest starts: `tickmart sample --days 2 --strikes 5 --expiries 2`.
# They change on purpose only.
EXPECTED_DIGESTS: dict[str, str] = {
    "BhavCopy_NSE_FO_0_0_0_20250811_F_0000.csv.zip": "17e7c656208025d1",
    "BhavCopy_NSE_FO_0_0_0_20250812_F_0000.csv.zip": "ba60c0afa303ccda",
    "GFDLIDX_NIFTY50_11082025.csv": "fa45d80145c4339d",
    "GFDLIDX_NIFTY50_12082025.csv": "2e796ba853e03e6a",
    "GFDLNFO_NIFTY_FUT_11082025.csv": "c83ec36d5d687b28",
    "GFDLNFO_NIFTY_FUT_12082025.csv": "6da0af5601001daf",
    "GFDLNFO_NIFTY_OPT_11082025.csv": "e6008691ed0a07b2",
    "GFDLNFO_NIFTY_OPT_12082025.csv": "164037e385b4f068",
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def bhavcopy_rows(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
        assert member == path.name.removesuffix(".zip")
        return list(csv.DictReader(io.TextIOWrapper(archive.open(member))))


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("week")
    write_sample(folder, days=5, strikes=31, expiries=3)
    return folder


def test_the_same_arguments_give_the_same_bytes_on_another_kind_of_processor(tmp_path: Path) -> None:
    arguments = ["--days", "2", "--strikes", "5", "--expiries", "2"]

    write_sample(tmp_path / "here", days=2, strikes=5, expiries=2)
    subprocess.run(
        [COLD, "-m", "tickmart", "sample", "--to", str(tmp_path / "there"), *arguments],
        check=True,
        cwd=PROJECT,
        env={
            **os.environ,
            "TZ": "America/New_York",
            "PYTHONHASHSEED": "1",
            "NPY_DISABLE_CPU_FEATURES": PLAIN_CPU,
        },
        capture_output=True,
    )

    assert digests(tmp_path / "here") == EXPECTED_DIGESTS
    assert digests(tmp_path / "there") == EXPECTED_DIGESTS


def test_another_seed_gives_other_prices(tmp_path: Path) -> None:
    write_sample(tmp_path / "7", strikes=3, expiries=1)
    write_sample(tmp_path / "8", strikes=3, expiries=1, seed=8)

    first, second = digests(tmp_path / "7"), digests(tmp_path / "8")

    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_a_week_skips_the_holiday_and_the_week_end(week: Path) -> None:
    sessions = sorted(path.name[-12:-4] for path in week.glob("nse-minute/GFDLIDX_NIFTY50_*.csv"))

    assert sessions == [
        "11082025",
        "12082025",
        "13082025",
        "14082025",
        "18082025",
    ]  # Friday the 15th is a holiday


def test_no_session_is_a_holiday_or_a_special_session() -> None:
    with (PROJECT / "seeds" / "nse_holidays.csv").open(newline="") as file:
        holidays = {date.fromisoformat(row["holiday_date"]) for row in csv.DictReader(file)}

    sessions = sessions_from(date(2025, 1, 1), 245)

    assert len(set(sessions)) == 245
    assert not holidays & set(sessions)
    assert all(day.weekday() < 5 for day in sessions)
    assert date(2025, 10, 21) not in sessions  # Muhurat
    assert date(2025, 2, 1) not in sessions  # a budget Saturday


def test_the_index_has_375_bars_stamped_at_the_last_second_of_each_minute(week: Path) -> None:
    rows = rows_of(week / "nse-minute" / "GFDLIDX_NIFTY50_11082025.csv")

    assert list(rows[0]) == [
        "Ticker",
        "Date",
        "Time",
        "Open",
        "High",
        "Low",
        "Close",
        "Volume",
        "Open Interest",
    ]
    assert len(rows) == 375
    assert (rows[0]["Time"], rows[-1]["Time"]) == ("09:15:59", "15:29:59")
    assert {(row["Ticker"], row["Date"], row["Volume"], row["Open Interest"]) for row in rows} == {
        ("NIFTY 50.NSE_IDX", "11/08/2025", "0", "0")
    }


def test_from_august_2026_contracts_trade_ten_minutes_longer_than_the_index(tmp_path: Path) -> None:
    write_sample(tmp_path, start=date(2026, 8, 3), strikes=3, expiries=1, with_bhavcopy=False)

    future = rows_of(tmp_path / "nse-minute" / "GFDLNFO_NIFTY_FUT_03082026.csv")
    index = rows_of(tmp_path / "nse-minute" / "GFDLIDX_NIFTY50_03082026.csv")

    assert len(index) == 375
    assert future[-1]["Time"] > "15:30:00"
    assert max(row["Time"] for row in future) == "15:39:59"


def test_every_bar_is_sane(week: Path) -> None:
    files = sorted(week.glob("nse-minute/*.csv"))
    ticks = {"IDX": Decimal("0.05"), "FUT": Decimal("0.10"), "OPT": Decimal("0.05")}
    assert len(files) == 15

    for path in files:
        kind = next(kind for kind in ticks if kind in path.name)
        seen = set()
        for row in rows_of(path):
            opened, high, low, close = (Decimal(row[name]) for name in ("Open", "High", "Low", "Close"))
            assert 0 < low <= min(opened, close) <= max(opened, close) <= high, row
            assert all(price % ticks[kind] == 0 for price in (opened, high, low, close)), row
            if kind != "IDX":
                lots, rest = divmod(int(row["Volume"]), 75)
                assert lots > 0, row
                assert rest == 0, row
                assert int(row["Open Interest"]) % 75 == 0, row
                assert not row["Open Interest"].startswith("-"), row
            seen.add((row["Ticker"], row["Time"]))
        assert len(seen) == len(rows_of(path))


def test_open_interest_steps_every_three_minutes_only(week: Path) -> None:
    rows = rows_of(week / "nse-minute" / "GFDLNFO_NIFTY_FUT_11082025.csv")
    near = [row for row in rows if row["Ticker"] == "NIFTY28AUG25FUT.NFO"]
    assert len(near) == 375

    changed = [
        int(later["Time"][3:5]) % 3
        for earlier, later in pairwise(near)
        if earlier["Open Interest"] != later["Open Interest"]
    ]

    assert len(changed) > 50
    assert set(changed) == {0}


def test_far_strikes_trade_in_fewer_minutes_than_near_ones(week: Path) -> None:
    counts: dict[str, int] = defaultdict(int)
    for row in rows_of(week / "nse-minute" / "GFDLNFO_NIFTY_OPT_11082025.csv"):
        counts[row["Ticker"]] += 1

    assert counts["NIFTY14AUG2524600CE.NFO"] > 360
    assert 0 < counts["NIFTY14AUG2525350PE.NFO"] < 250


def test_option_prices_obey_put_call_parity_around_the_index(week: Path) -> None:
    index = {
        row["Time"]: float(row["Close"]) for row in rows_of(week / "nse-minute/GFDLIDX_NIFTY50_12082025.csv")
    }
    closes: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows_of(week / "nse-minute" / "GFDLNFO_NIFTY_OPT_12082025.csv"):
        if row["Ticker"].startswith("NIFTY21AUG25"):
            closes[row["Ticker"][12:17], row["Time"]][row["Ticker"][17:19]] = float(row["Close"])
    rate = risk_free_rate(date(2025, 8, 12))

    residuals = []
    for (strike, stamp), sides in closes.items():
        if len(sides) == 2 and abs(float(strike) / index[stamp] - 1) < 0.01:
            years = (9 + (15.5 - int(stamp[:2]) - (int(stamp[3:5]) + 1) / 60) / 24) / 365
            parity = index[stamp] - float(strike) * np.exp(-rate * years)
            residuals.append(sides["CE"] - sides["PE"] - parity)

    assert len(residuals) > 1000
    assert abs(np.mean(residuals)) < 0.05
    assert np.max(np.abs(residuals)) < 3.0


def test_the_bhavcopy_is_what_the_minutes_add_up_to(week: Path) -> None:
    bars: dict[str, list[dict[str, str]]] = defaultdict(list)
    for name in ("GFDLNFO_NIFTY_OPT_13082025.csv", "GFDLNFO_NIFTY_FUT_13082025.csv"):
        for row in rows_of(week / "nse-minute" / name):
            bars[row["Ticker"]].append(row)
    official = bhavcopy_rows(week / "nse-bhavcopy" / "BhavCopy_NSE_FO_0_0_0_20250813_F_0000.csv.zip")
    traded = 0

    for row in official:
        expiry = date.fromisoformat(row["XpryDt"])
        strike = f"{float(row['StrkPric']):.0f}{row['OptnTp']}" if row["OptnTp"] else "FUT"
        day = bars.pop(f"NIFTY{expiry:%d%b%y}{strike}.NFO".upper(), [])
        assert int(row["TtlTradgVol"]) * int(row["NewBrdLotQty"]) == sum(int(bar["Volume"]) for bar in day)
        if day:
            traded += 1
            assert Decimal(row["OpnPric"]) == Decimal(day[0]["Open"])
            assert Decimal(row["HghPric"]) == max(Decimal(bar["High"]) for bar in day)
            assert Decimal(row["LwPric"]) == min(Decimal(bar["Low"]) for bar in day)
            assert Decimal(row["LastPric"]) == Decimal(day[-1]["Close"])
            assert Decimal(row["LwPric"]) <= Decimal(row["ClsPric"]) <= Decimal(row["HghPric"])
            assert int(row["OpnIntrst"]) >= 0

    assert bars == {}
    assert traded > 150


def test_a_bhavcopy_continues_the_one_before(week: Path) -> None:
    before, after = (
        {
            row["FinInstrmId"]: row
            for row in bhavcopy_rows(week / "nse-bhavcopy" / f"BhavCopy_NSE_FO_0_0_0_{day}_F_0000.csv.zip")
        }
        for day in ("20250812", "20250813")
    )
    both = before.keys() & after.keys()

    assert len(both) > 150
    for token in both:
        assert before[token]["FinInstrmNm"] == after[token]["FinInstrmNm"]
        assert after[token]["PrvsClsgPric"] == before[token]["ClsPric"]
        assert int(after[token]["OpnIntrst"]) - int(after[token]["ChngInOpnIntrst"]) == int(
            before[token]["OpnIntrst"]
        )


def test_on_the_expiry_day_contracts_settle_at_the_index(week: Path) -> None:
    rows = bhavcopy_rows(week / "nse-bhavcopy" / "BhavCopy_NSE_FO_0_0_0_20250814_F_0000.csv.zip")

    expiring = [row for row in rows if row["XpryDt"] == "2025-08-14"]

    assert len(expiring) >= 62
    assert {row["SttlmPric"] for row in expiring} == {expiring[0]["UndrlygPric"]}


def test_an_untraded_contract_has_no_range_and_a_theoretical_settlement(tmp_path: Path) -> None:
    write_sample(tmp_path, strikes=201, expiries=1)
    (path,) = tmp_path.glob("nse-bhavcopy/*.zip")

    untraded = [row for row in bhavcopy_rows(path) if row["TtlTradgVol"] == "0"]

    assert len(untraded) > 50
    for row in untraded:
        assert (row["OpnPric"], row["HghPric"], row["LwPric"], row["TtlTrfVal"]) == (
            "0.00",
            "0.00",
            "0.00",
            "0.00",
        )
        assert row["ClsPric"] == row["PrvsClsgPric"]
        assert Decimal(row["SttlmPric"]) > 0


def test_the_bhavcopy_header_is_the_one_of_real_files(week: Path) -> None:
    real = next((PROJECT / "sampledata" / "bhavcopy_excerpt").glob("*.csv"))
    (path, *_) = sorted(week.glob("nse-bhavcopy/*.zip"))

    with zipfile.ZipFile(path) as archive:
        header = archive.read(archive.namelist()[0]).split(b"\n", 1)[0]

    assert header == real.read_bytes().split(b"\n", 1)[0]


def test_the_excerpt_of_real_bhavcopies_is_what_its_metadata_says() -> None:
    folder = PROJECT / "sampledata" / "bhavcopy_excerpt"
    described = json.loads((folder / "metadata.json").read_text())

    assert {entry["file"] for entry in described} == {path.name for path in folder.glob("*.csv")}
    for entry in described:
        assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert len(rows_of(folder / entry["file"])) == entry["rows"] <= 200


def test_the_excerpt_shows_contracts_re_dated_overnight_and_untraded_ones() -> None:
    folder = PROJECT / "sampledata" / "bhavcopy_excerpt"
    before = {
        row["FinInstrmId"]: row for row in rows_of(folder / "BhavCopy_NSE_FO_0_0_0_20250731_F_0000.csv")
    }
    after = {row["FinInstrmId"]: row for row in rows_of(folder / "BhavCopy_NSE_FO_0_0_0_20250801_F_0000.csv")}

    redated = [
        row for token, row in after.items() if token in before and row["XpryDt"] != before[token]["XpryDt"]
    ]

    assert len(redated) == 25
    assert {row["XpryDt"] for row in redated} == {"2025-09-30"}
    assert all(row["ChngInOpnIntrst"] == row["OpnIntrst"] for row in redated)
    assert len([row for row in after.values() if row["TtlTradgVol"] == "0"]) == 13


def test_listed_expiries_are_those_of_the_exchanges_files() -> None:
    # Holidays announced later than the trade date are the only difference: the rule knows them already.
    known_late = {("BANKNIFTY", date(2025, 2, 25))}
    listed: dict[str, list[tuple[date, date, date, int]]] = defaultdict(list)
    with (PROJECT / "tests" / "fixtures" / "calendar" / "nse_lot_sizes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            first, last, expiry = (
                date.fromisoformat(row[name]) for name in ("first_session", "last_session", "expiry")
            )
            listed[row["underlying"]].append((expiry, first, last, int(row["lot_size"])))
    days = (PROJECT / "tests" / "fixtures" / "calendar" / "nse_fo_bhavcopy_days.txt").read_text().split()
    checked = 0

    for day in (date.fromisoformat(text) for text in days if text >= "2024-01-01"):
        if not is_regular_session(day):
            continue
        for name in UNDERLYINGS:
            lots = {last_day: lot for last_day, first, last, lot in listed[name] if first <= day <= last}
            for contract in listed_expiries(name, day):
                if (name, contract.day) not in known_late:
                    assert lot_size(name, contract.day, day) == lots[contract.day], (name, day, contract)
                    checked += 1

    assert checked > 5000


def test_expiries_reach_beyond_the_last_year_of_the_calendar() -> None:
    monthlies = [expiry.day for expiry in listed_expiries("BANKNIFTY", date(2026, 12, 1))]

    assert monthlies == [date(2026, 12, 29), date(2027, 1, 26), date(2027, 2, 23)]


def test_names_follow_the_exchange_and_the_vendor() -> None:
    expiries = {expiry.day: expiry for expiry in listed_expiries("NIFTY", date(2025, 10, 1))}

    assert (expiries[date(2025, 10, 7)].exchange_code, expiries[date(2025, 10, 7)].vendor_code) == (
        "25O07",
        "07OCT25",
    )
    assert (expiries[date(2025, 10, 28)].exchange_code, expiries[date(2025, 10, 28)].vendor_code) == (
        "25OCT",
        "28OCT25",
    )
    assert expiries[date(2025, 10, 20)].is_monthly is False  # Tuesday the 21st is Muhurat, no settlement day


def test_session_hours_are_local_to_the_exchange() -> None:
    opens, closes = session_hours("fo", date(2025, 8, 11))

    assert opens.isoformat() == "2025-08-11T09:15:00+05:30"
    assert closes - opens == timedelta(minutes=375)


def test_rows_asks_for_whole_sessions_until_there_are_enough(tmp_path: Path) -> None:
    files = write_sample(tmp_path, rows=3000, strikes=3, expiries=1, with_bhavcopy=False)

    bars = [
        sum(file.rows for file in files if file.session == day) for day in sorted({f.session for f in files})
    ]
    assert sum(bars[:-1]) < 3000 <= sum(bars)


def test_two_underlyings_share_one_bhavcopy(tmp_path: Path) -> None:
    files = write_sample(tmp_path, underlyings=["NIFTY", "BANKNIFTY"], strikes=3, expiries=1)

    (official,) = [file for file in files if file.kind == "bhavcopy"]
    rows = bhavcopy_rows(official.path)
    assert {row["TckrSymb"] for row in rows} == {"NIFTY", "BANKNIFTY"}
    assert len({row["FinInstrmId"] for row in rows}) == len(rows) == official.rows
    assert (tmp_path / "nse-minute" / "GFDLIDX_NIFTYBANK_11082025.csv").exists()


def test_a_stopped_run_leaves_no_half_file(tmp_path: Path) -> None:
    def stop(file: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, days=2, strikes=3, expiries=1, on_file=stop)

    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(TickmartError, match=r"cannot write the sample to .*file"):
        write_sample(tmp_path / "file", strikes=3, expiries=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"underlyings": ["SENSEX"]}, "unknown underlying SENSEX; a sample can have: NIFTY, BANKNIFTY"),
        ({"days": 0}, "days is 0; it must be 1 to 2000"),
        ({"strikes": 1000}, "strikes is 1000; it must be 1 to 401"),
        ({"rows": -1}, "rows is -1; it must be at least 1"),
        ({"start": date(2031, 1, 1)}, "no calendar for 2031-01-01"),
        ({"start": date(2020, 1, 1)}, "no lot size of NIFTY expiring 2020-01-02 on 2020-01-01"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(TickmartError, match=message):
        write_sample(tmp_path, **arguments)  # type: ignore[arg-type]


def test_the_command_lists_its_files_as_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--to", str(tmp_path), "--strikes", "3", "--expiries", "1", "--json"])

    files = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [file["kind"] for file in files] == ["options", "futures", "index", "bhavcopy"]
    assert {file["session"] for file in files} == {DEFAULT_START.isoformat()}
    assert all(Path(file["path"]).stat().st_size > 0 for file in files)


def test_a_shares_minutes_add_up_to_its_days_but_for_their_awkward_rows(tmp_path: Path) -> None:
    minutes, days = write_equity_sample(tmp_path / "one", days=5, seed=3)
    again = write_equity_sample(tmp_path / "two", days=5, seed=3)
    good: dict[str, list[str]] = {}
    for row in list(csv.DictReader(minutes.path.open()))[::-1]:
        prices = [row[name] for name in ("open", "high", "low", "close")]
        if all(prices) and "N/A" not in prices and float(row["high"]) >= float(row["low"]):
            good.setdefault(row["timestamp"], [*prices, row["volume"]])  # the last line counts

    of_day: dict[str, list[list[str]]] = {}
    for stamp in sorted(good):
        of_day.setdefault(stamp[:10], []).append(good[stamp])
    built = {
        day: [bars[0][0], max(float(b[1]) for b in bars), min(float(b[2]) for b in bars), bars[-1][3]]
        for day, bars in of_day.items()
    }

    assert [file.path.read_bytes() for file in again] == [minutes.path.read_bytes(), days.path.read_bytes()]
    assert built == {
        row["date"]: [row["open"], float(row["high"]), float(row["low"]), row["close"]]
        for row in csv.DictReader(days.path.open())
    }
    assert [len(bars) for bars in of_day.values()] == [390, 390, 390, 210, 390]  # the day after Thanksgiving
    assert minutes.rows == 390 * 4 + 210 + 5 * 4 + 1
