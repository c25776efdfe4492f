"""A backtest from a folder and from S3, through the command line."""

import json
import math
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import mart_tables
import pytest
from mart_tables import CALL, MARCH, minutes, with_greeks
from sqlalchemy import URL

from backtests.runner import STARTING_BALANCE
from warehouse import database as databases

pytest_plugins = ["s3_server"]
BARS = 375


@pytest.fixture(scope="module")
def marts(database: URL) -> None:
    """One session of a call whose price swings, so that averages cross."""
    rows = with_greeks(minutes(CALL, MARCH, BARS, "100.00"), "CE")
    for index, row in enumerate(rows):
        close = Decimal("100.00") + Decimal(round(400 * math.sin(index / 12))) * Decimal("0.05")
        row |= {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 7_500}
    with databases.connect() as connection:
        mart_tables.create(connection)
        mart_tables.insert(connection, "options_ticks", rows)
        mart_tables.insert(connection, "options_daily", [mart_tables.day_row(rows[0])])
        mart_tables.insert(
            connection,
            "options_metadata",
            [
                {
                    "contract_id": CALL,
                    "symbol": rows[0]["symbol"],
                    "underlying": "NIFTY",
                    "expiry": date(2025, 4, 3),
                    "strike": Decimal(22500),
                    "option_type": "CE",
                    "lot_size": 75,
                    "tick_size": Decimal("0.05"),
                    "exchange": "NSE",
                    "first_session": MARCH,
                    "last_session": MARCH,
                    "expires_at": datetime(2025, 4, 3, 10, tzinfo=UTC),
                }
            ],
        )


def tickmart(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tickmart", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def exported(destination: str) -> dict[str, Any]:
    answer = tickmart("export", "nautilus", "--underlying", "NIFTY", "--to", destination, "--json")
    assert answer.returncode == 0, answer.stderr
    report: dict[str, Any] = json.loads(answer.stdout)
    return report


def backtest(destination: str, *arguments: str) -> dict[str, Any]:
    answer = tickmart("backtest", "run", "--strategy", "sma", "--catalog", destination, "--json", *arguments)
    assert answer.returncode == 0, answer.stderr
    report: dict[str, Any] = json.loads(answer.stdout)
    return report


@pytest.mark.usefixtures("marts")
def test_a_backtest_trades_every_bar_of_the_most_traded_contract(tmp_path: Path) -> None:
    exported(str(tmp_path))

    report = backtest(str(tmp_path))

    assert report["instrument"] == "NIFTY_250403_22500_CE.NSE"
    assert report["bars"] == BARS
    assert report["first_bar"] == "2025-03-28 03:46:00"
    assert report["last_bar"] == str(datetime(2025, 3, 28, 3, 45) + timedelta(minutes=BARS))
    assert report["orders"] == report["fills"] == 2 * report["positions"] > 0
    positions, days = report["per_position"]["values"], report["per_day"]["values"]
    assert positions["positions"] == report["positions"]
    assert positions["winners"] + positions["losers"] <= positions["positions"]
    assert positions["expectancy"] * positions["positions"] == pytest.approx(report["pnl"])
    assert days["returns"] == 1
    assert days["best day"] == days["worst day"] == days["total return"]
    assert days["total return"] * STARTING_BALANCE == pytest.approx(report["pnl"])


@pytest.mark.usefixtures("marts")
def test_one_days_return_has_no_ratios(tmp_path: Path) -> None:
    exported(str(tmp_path))

    per_day = backtest(str(tmp_path))["per_day"]

    ratios = ["volatility", "Sharpe ratio", "Sortino ratio", "profit factor"]
    assert [per_day["values"][name] for name in ratios] == [None] * 4
    assert per_day["not_defined"] == dict.fromkeys(ratios, "fewer than 20 daily returns")


@pytest.mark.usefixtures("marts")
def test_a_backtest_from_s3_is_that_from_a_folder(tmp_path: Path, s3_bucket: str) -> None:
    exported(str(tmp_path))
    exported(f"{s3_bucket}/catalogs/nautilus")

    local, remote = backtest(str(tmp_path)), backtest(f"{s3_bucket}/catalogs/nautilus")

    assert local.pop("catalog") != remote.pop("catalog")
    assert local == remote


@pytest.mark.usefixtures("marts")
def test_the_result_is_a_table_to_read(tmp_path: Path) -> None:
    exported(str(tmp_path))

    answer = tickmart(
        "backtest", "run", "--strategy", "sma", "--catalog", str(tmp_path), "--fast", "5", "--slow", "20"
    )

    facts, per_position, per_day = (
        dict(line.split("\t") for line in table.splitlines()) for table in answer.stdout.split("\n\n")
    )
    assert facts["strategy"] == "sma (fast 5, slow 20, 1 lot per order)"
    assert facts["bars"] == "375 of NIFTY_250403_22500_CE.NSE-1-MINUTE-LAST-EXTERNAL"
    assert facts["profit and loss"].endswith(" INR")
    assert per_position["positions"] == facts["positions"]
    assert per_day["returns"] == "1"
    assert per_day["Sharpe ratio"] == "not defined: fewer than 20 daily returns"
    assert per_day["profit factor"] == "not defined: fewer than 20 daily returns"
    assert "Sharpe ratio" not in per_position


@pytest.mark.usefixtures("marts")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--instrument", "NIFTY_250403_9_CE"], "Most traded there: NIFTY_250403_22500_CE.NSE"),
        (["--bar", "1-HOUR"], "is no catalog with 1-HOUR bars"),
        (["--fast", "30", "--slow", "10"], "must be smaller than --slow"),
        (["--strategy", "martingale"], "unknown strategy martingale; known: sma"),
    ],
)
def test_what_cannot_run_is_one_clear_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    exported(str(tmp_path))

    answer = tickmart("backtest", "run", "--catalog", str(tmp_path), *arguments)

    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert message in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.usefixtures("marts")
def test_bars_that_are_not_served_are_an_error(tmp_path: Path) -> None:
    exported(str(tmp_path))
    for path in tmp_path.glob("data/bar/*1-MINUTE*/*.parquet"):
        path.unlink()

    answer = tickmart("backtest", "run", "--strategy", "sma", "--catalog", str(tmp_path))

    assert answer.returncode == 1
    assert (
        "is missing or damaged: its bytes are not those that manifest.json lists. Export again."
        in answer.stderr
    )
