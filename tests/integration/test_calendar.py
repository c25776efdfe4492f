"""The calendar's end is announced in time, whatever day these tests run on."""

import pytest
from built_warehouse import query, tickmart
from sqlalchemy import URL

from warehouse.dbt import run_dbt
from warehouse.errors import TickmartError

SELECTED = ["--select", "+int_sessions__remaining", "--exclude-resource-type", "unit_test"]


def advice(when: str) -> str:
    return (
        f"the calendar of NSE sessions {when}, on 2026-12-31: bars after that are quarantined."
        " Append the exchange's holidays of 2027 to seeds/nse_holidays.csv, then run: tickmart build"
    )


@pytest.mark.parametrize(
    ("today", "warnings"),
    [
        ("2026-10-31", []),
        (
            "2026-12-20",
            ["1 test warns: the_calendar_reaches_sixty_days_ahead", advice("ends in 11 days")],
        ),
    ],
)
def test_a_build_warns_from_sixty_days_before_the_calendars_end(
    database: URL, today: str, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKMART_TODAY", today)

    assert run_dbt("build", SELECTED).warnings == warnings


def test_a_build_fails_from_ten_days_before_and_says_what_to_do(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKMART_TODAY", "2026-12-21")

    with pytest.raises(TickmartError, match="failed: test the_calendar_reaches_ten_days_ahead\n") as failed:
        run_dbt("build", SELECTED)

    assert str(failed.value).endswith(f"\n  {advice('ends in 10 days')}")


def test_the_command_passes_on_what_the_calendar_says_today(database: URL) -> None:
    built = tickmart("build", "--no-tests", "--no-greeks", "--select", "+int_sessions__remaining")

    said = query("select advice from intermediate.int_sessions__remaining where advice is not null")
    warnings = [line for line in built.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == [f"warning: {sentence}" for (sentence,) in said]
