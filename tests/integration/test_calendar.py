"""The calendar on a real server: its end is announced in time, and an evening's session bounds its bars."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from built_warehouse import build, dbt, query, tickmart
from sqlalchemy import URL

from warehouse.dbt import run_dbt

pytestmark = pytest.mark.slow

# Without tests that look beside the calendar at bars, which are not there.
SELECTED = [
    "--select", "+int_sessions__remaining", "--exclude-resource-type", "unit_test",
    "--indirect-selection", "buildable",
]  # fmt: skip


def advice(when: str) -> str:
    return (
        f"the calendar of NSE sessions {when}, on 2026-12-31: after that every weekday counts as a session,"
        " provisionally. Append the exchange's holidays of 2027 to seeds/nse_holidays.csv, then run:"
        " tickmart build"
    )


@pytest.mark.parametrize(
    ("today", "warnings"),
    [
        ("2026-10-31", []),
        (
            "2026-12-20",
            ["1 test warns: the_calendar_reaches_sixty_days_ahead", advice("ends in 11 days")],
        ),
        ("2027-01-04", ["1 test warns: the_calendar_reaches_sixty_days_ahead", advice("has ended")]),
        ("2028-06-01", ["1 test warns: the_calendar_reaches_sixty_days_ahead", advice("has ended")]),
    ],
)
def test_a_build_warns_from_sixty_days_before_the_calendars_end_and_ever_after(
    database: URL, today: str, warnings: list[str], as_of: Callable[[str], None]
) -> None:
    as_of(today)

    assert run_dbt("build", SELECTED).warnings == warnings


def test_the_command_passes_on_what_the_calendar_says_today(database: URL) -> None:
    built = tickmart("build", "--no-tests", "--no-greeks", "--select", "+int_sessions__remaining")

    said = query("select advice from intermediate.int_sessions__remaining where advice is not null")
    warnings = [line for line in built.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == [f"warning: {sentence}" for (sentence,) in said]


def test_the_hours_of_a_muhurat_evening_lie_inside_it(fresh_built_database: URL, tmp_path: Path) -> None:
    call, index = "NIFTY07NOV2424300CE.NFO", "NIFTY 50.NSE_IDX"
    (tmp_path / "muhurat.csv").write_text(
        "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest\n"
        f"{call},01/11/2024,18:00:59,200,202,199,201,25,25\n"
        f"{call},01/11/2024,18:14:59,201,203,201,202,25,50\n"
        f"{call},01/11/2024,18:59:59,202,204,202,203,25,75\n"
        f"{index},01/11/2024,18:00:59,24300,24301,24299,24300,0,0\n"
        f"{index},01/11/2024,18:59:59,24310,24311,24309,24310,0,0\n"
    )
    tickmart("load", "nse-minute", tmp_path / "muhurat.csv")
    build()

    hours = query(
        "select to_char(bar_start at time zone 'Asia/Kolkata', 'HH24:MI'),"
        " to_char(bar_end at time zone 'Asia/Kolkata', 'HH24:MI'), close::int, greeks_status <> 'pending'"
        " from marts.options_hourly order by bar_start"
    )
    assert hours == [("18:00", "19:00", 203, True)]
    dbt("test", "--select", "no_bar_lies_outside_its_session", "bars_reconcile_with_their_minutes")
    traced = json.loads(
        tickmart(
            "trace", "NIFTY_241107_24300_CE", "2024-11-01T18:05", "--mart", "options_hourly", "--json"
        ).stdout
    )
    (found,) = traced["rows"]
    assert found["row"]["bar_start"] == "2024-11-01T12:30:00+00:00"
    assert [line["line"] for line in found["origins"][0]["lines"]] == [2, 4]
    before = tickmart(
        "trace", "NIFTY_241107_24300_CE", "2024-11-01T17:30", "--mart", "options_hourly", status=1
    )
    assert "Nearest: 2024-11-01 18:00 (NSE time)." in before.stderr
