from datetime import date, timedelta

import pytest

from greeks.enrich import _Plan
from greeks.slices import Outcome, Slice

FIRST = date(2025, 1, 1)


def plan(*queues: tuple[str, str, int]) -> _Plan:
    return _Plan(
        [
            Slice("NSE", underlying, bar_interval, FIRST + timedelta(days=day))
            for underlying, bar_interval, days in queues
            for day in range(days)
        ]
    )


@pytest.mark.parametrize(
    ("bar_interval", "rows"), [("minute", 19_000), ("hour", 19_000), ("day", 152_000), ("built day", 152_000)]
)
def test_a_row_whose_smile_is_fitted_counts_as_eight(bar_interval: str, rows: int) -> None:
    due = plan(("NIFTY", bar_interval, 20))

    due.learn(due.take(), Outcome(slices=1, rows=1_000))

    assert due.rows_left() == rows


def test_underlyings_not_yet_seen_are_guessed_by_the_same_interval() -> None:
    due = plan(("NIFTY", "day", 1), ("NIFTY", "minute", 1), ("SBIN", "day", 3), ("SBIN", "minute", 2))

    due.learn(due.take(), Outcome(slices=1, rows=1_000))
    due.learn(due.take(), Outcome(slices=1, rows=300_000))

    assert due.rows_left() == 3 * 8_000 + 2 * 300_000


def test_a_transaction_of_fitted_days_has_fewer_slices() -> None:
    days, minutes = plan(("NIFTY", "day", 100)), plan(("NIFTY", "minute", 100))
    for due in (days, minutes):
        for _ in range(3):
            unit = due.take()
            due.learn(unit, Outcome(slices=len(unit), rows=1_600 * len(unit)))

    assert len(days.take()) == 19  # 250,000 / (8 * 1,600)
    assert len(minutes.take()) == 27  # all that is left


def test_a_transaction_is_of_one_exchange() -> None:
    due = _Plan([Slice(exchange, "NIFTY", "minute", FIRST) for exchange in ("BSE", "NSE")])
    due.learn(unit := due.take(), Outcome(slices=1, rows=1))

    assert [item.exchange for item in unit] == ["BSE"]
    assert [item.exchange for item in due.take()] == ["NSE"]
