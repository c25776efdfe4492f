"""The dated rules of expiry against every expiry that was seen in the exchange's files of five years."""

import csv
from datetime import date
from pathlib import Path

import pytest
from built_warehouse import build, query
from sqlalchemy import URL

MEASURED = Path(__file__).parents[1] / "fixtures" / "calendar" / "nse_expiries.csv"
FIRST, LAST = date(2021, 4, 19), date(2026, 4, 17)


@pytest.fixture(scope="module", autouse=True)
def rules(database: URL) -> None:
    build("--no-greeks", "--select", "+int_expiries__by_rule +int_expiries__settled")


def measured() -> list[tuple[str, date, date]]:
    with MEASURED.open(newline="") as file:
        return [
            (row["underlying"], date.fromisoformat(row["expiry"]), date.fromisoformat(row["last_session"]))
            for row in csv.DictReader(file)
        ]


def test_rules_give_every_expiry_that_happened_and_no_other() -> None:
    happened = {(name, expiry) for name, expiry, last in measured() if expiry <= LAST and last == expiry}

    ruled = set(
        query(
            "select underlying, expiry from intermediate.int_expiries__by_rule"
            " where exchange = 'NSE' and expiry between %s and %s",
            FIRST,
            LAST,
        )
    )

    assert len(happened) == 465
    assert ruled == happened


def test_rules_give_every_expiry_that_was_still_to_come() -> None:
    to_come = {(name, expiry) for name, expiry, last in measured() if last == LAST < expiry}

    ruled = set(
        query("select underlying, expiry from intermediate.int_expiries__by_rule where expiry > %s", LAST)
    )

    assert len(to_come) == 24
    assert to_come <= ruled


def test_every_expiry_that_was_given_up_is_known_with_where_it_went() -> None:
    given_up = {(name, expiry) for name, expiry, last in measured() if last < expiry and last != LAST}

    settled = {
        (name, expiry): to
        for name, expiry, to in query(
            "select underlying, expiry, settled_expiry from intermediate.int_expiries__settled"
        )
    }

    assert len(given_up) == 35
    assert settled.keys() == given_up
    assert not {(name, to) for (name, _), to in settled.items()} & given_up
    assert settled["BANKNIFTY", date(2024, 12, 26)] == date(2024, 12, 24)
    assert settled["BANKNIFTY", date(2025, 12, 31)] == date(2025, 12, 30)  # moved twice
    assert settled["NIFTY", date(2026, 3, 26)] == date(2026, 3, 30)  # moved twice
