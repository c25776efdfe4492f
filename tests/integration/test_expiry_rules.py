"""The dated rules of expiry against every expiry that was seen in the exchange's files of five years."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest
from built_warehouse import query

MEASURED = Path(__file__).parents[1] / "fixtures" / "calendar" / "nse_expiries.csv"
FIRST, LAST = date(2021, 4, 19), date(2026, 4, 17)


pytestmark = pytest.mark.usefixtures("built_database")


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


def test_a_month_walked_back_over_redatings_is_the_expiry_of_that_day() -> None:
    with MEASURED.open(newline="") as file:
        monthly = [row for row in csv.DictReader(file) if re.match(r"\d\d[A-Z]{3}\b", row["symbol_codes"])]
    days = [(row, row[day]) for row in monthly for day in ("first_session", "last_session")]

    walked = [
        query(
            "select coalesce(in_force.expiry, by_rule.expiry)"
            " from intermediate.int_expiries__by_rule as by_rule"
            " left join intermediate.int_expiries__in_force as in_force"
            " on by_rule.exchange = in_force.exchange and by_rule.underlying = in_force.underlying"
            " and by_rule.expiry = in_force.settled_expiry"
            " and %s::date >= coalesce(in_force.valid_from, '-infinity')"
            " and %s::date < coalesce(in_force.valid_until, 'infinity')"
            " where by_rule.cycle = 'monthly' and by_rule.underlying = %s"
            " and to_char(by_rule.contract_month, 'YYMON') = %s",
            day,
            day,
            row["underlying"],
            row["symbol_codes"][:5],
        )
        for row, day in days
    ]

    assert len(days) == 202
    assert walked == [[(date.fromisoformat(row["expiry"]),)] for row, _ in days]
