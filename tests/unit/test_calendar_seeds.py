"""The seeds of exchange facts against what was measured in the exchange's own files."""

import csv
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FIXTURES = PROJECT / "tests" / "fixtures" / "calendar"
FIRST_MEASURED, LAST_MEASURED = date(2021, 4, 19), date(2026, 4, 17)

# Sessions that took place although the measured list lacks them: the list knows weekdays only, and the file
# of 2026-04-06 was cut off at its origin.
SESSIONS_WITHOUT_A_FILE = {
    date(2023, 11, 12),
    date(2024, 1, 20),
    date(2024, 3, 2),
    date(2024, 5, 18),
    date(2025, 2, 1),
    date(2026, 2, 1),
    date(2026, 4, 6),
}


@cache
def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def fo_sessions(first: date, last: date) -> set[date]:
    holidays = {date.fromisoformat(row["holiday_date"]) for row in seed("nse_holidays")}
    special = {
        date.fromisoformat(row["session_date"])
        for row in seed("nse_special_sessions")
        if row["segment"] == "fo"
    }
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day for day in days if day in special or (day.weekday() < 5 and day not in holidays)}


def rules_for(underlying: str, expiry: str, session: str) -> list[str]:
    return [
        row["lot_size"]
        for row in seed("lot_size_rules")
        if row["underlying"] == underlying
        and row["valid_from"] <= session <= (row["valid_to"] or "9999")
        and row["expiry_from"] <= expiry <= (row["expiry_to"] or "9999")
    ]


def test_sessions_of_the_seeds_are_the_measured_days_and_the_known_sessions_without_a_file() -> None:
    measured = {
        date.fromisoformat(line) for line in (FIXTURES / "nse_fo_bhavcopy_days.txt").read_text().split()
    }

    sessions = fo_sessions(FIRST_MEASURED, LAST_MEASURED)

    assert len(measured) == 1233
    assert measured - sessions == set()
    assert sessions - measured == SESSIONS_WITHOUT_A_FILE


def test_weekday_sessions_differ_from_exchange_calendars_only_by_the_muhurat_sessions() -> None:
    import exchange_calendars  # takes seconds, so not in every process that collects tests

    library = exchange_calendars.get_calendar("XBOM", start="2017-01-01", end="2026-12-31").sessions

    ours = {day for day in fo_sessions(date(2017, 1, 1), date(2026, 12, 31)) if day.weekday() < 5}
    theirs = {day.date() for day in library if day.weekday() < 5}

    assert theirs - ours == set()
    assert ours - theirs == {
        date(2017, 10, 19),
        date(2018, 11, 7),
        date(2021, 11, 4),
        date(2022, 10, 24),
        date(2024, 11, 1),
        date(2025, 10, 21),
    }


def test_earlier_holidays_are_weekdays_of_the_years_before_the_list() -> None:
    import exchange_calendars

    earlier = [date.fromisoformat(row["holiday_date"]) for row in seed("nse_earlier_holidays")]
    library = exchange_calendars.get_calendar("XBOM", start="2000-01-01", end="2016-12-31").sessions
    first_listed = min(row["holiday_date"] for row in seed("nse_holidays"))

    assert first_listed.startswith("2017-01")
    assert earlier == sorted(set(earlier))
    assert {day.year for day in earlier} == set(range(2000, 2017))
    assert all(day.weekday() < 5 for day in earlier)
    assert {day.date() for day in library}.isdisjoint(earlier)


def test_a_special_session_is_never_a_holiday() -> None:
    holidays = {row["holiday_date"] for row in seed("nse_holidays")}

    assert holidays.isdisjoint(row["session_date"] for row in seed("nse_special_sessions"))


def test_the_kind_of_a_special_session_fits_its_weekday() -> None:
    for row in seed("nse_special_sessions"):
        weekday = date.fromisoformat(row["session_date"]).weekday()
        if row["kind"] != "muhurat":
            assert weekday == {"saturday": 5, "sunday": 6}[row["kind"]], row


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nse_special_sessions", ("exchange", "segment", "session_date")),
        ("nse_session_times", ("exchange", "segment", "valid_from")),
        ("tick_size_rules", ("exchange", "underlying", "instrument_type", "valid_from")),
        ("lot_size_rules", ("exchange", "underlying", "valid_from", "valid_to", "expiry_from", "expiry_to")),
        ("underlying_names", ("vendor_name", "instrument_type")),
        ("source_ranks", ("source", "dataset")),
    ],
)
def test_each_seed_has_one_row_per_key(name: str, key: tuple[str, ...]) -> None:
    keys = [tuple(row[column] for column in key) for row in seed(name)]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", ["nse_session_times", "tick_size_rules"])
def test_validity_ranges_join_without_gap_or_overlap(name: str) -> None:
    by_subject: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in seed(name):
        of_subject = list(row).index("valid_from")
        by_subject.setdefault(tuple(row.values())[:of_subject], []).append(row)

    for rows in by_subject.values():
        for earlier, later in pairwise(rows):
            assert date.fromisoformat(earlier["valid_to"]) + timedelta(days=1) == date.fromisoformat(
                later["valid_from"]
            )
        assert rows[-1]["valid_to"] == ""


def test_the_derivatives_segment_closes_ten_minutes_later_from_august_2026() -> None:
    hours = {
        row["valid_from"]: row["closes_at"] for row in seed("nse_session_times") if row["segment"] == "fo"
    }

    assert hours == {
        "2000-01-01": "15:30",
        "2010-01-04": "15:30",
        "2010-10-18": "15:30",
        "2026-08-03": "15:40",
    }


def test_repo_rates_ascend_in_time_and_change_at_each_row() -> None:
    rows = [(row["valid_from"], row["annual_rate"]) for row in seed("risk_free_rates")]

    assert rows == sorted(rows)
    assert all(earlier[1] != later[1] for earlier, later in pairwise(rows))
    assert ("2025-02-07", "0.0625") in rows


def test_lot_rules_give_the_measured_lot_of_every_contract_day() -> None:
    sessions = (FIXTURES / "nse_fo_bhavcopy_days.txt").read_text().split()
    checked = 0

    with (FIXTURES / "nse_lot_sizes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for session in sessions:
                if row["first_session"] <= session <= row["last_session"]:
                    assert rules_for(row["underlying"], row["expiry"], session) == [row["lot_size"]], (
                        row,
                        session,
                    )
                    checked += 1

    assert checked == 14332


@pytest.mark.parametrize(
    ("underlying", "expiry", "session", "lot"),
    [
        ("NIFTY", "2021-07-22", "2021-07-01", "75"),  # a July weekly keeps the old lot, the July monthly not
        ("NIFTY", "2021-07-29", "2021-07-01", "50"),
        ("BANKNIFTY", "2023-06-29", "2023-06-27", "25"),
        ("BANKNIFTY", "2023-07-27", "2023-06-27", "15"),
        ("NIFTY", "2025-01-30", "2025-01-15", "25"),  # the monthly between weeklies of 75
        ("NIFTY", "2025-01-23", "2025-01-15", "75"),
        ("NIFTY", "2026-08-25", "2026-08-13", "65"),
    ],
)
def test_lot_rules_at_the_edges_of_a_change(underlying: str, expiry: str, session: str, lot: str) -> None:
    assert rules_for(underlying, expiry, session) == [lot]
