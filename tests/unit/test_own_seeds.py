"""A user's own seed is read before dbt is: what is wrong with it is told by line."""

from pathlib import Path

import pytest

from warehouse import dbt
from warehouse.errors import TickmartError
from warehouse.settings import settings

VARIABLE = "TICKMART_EQUITY_CORPORATE_ACTIONS"
HEADER = "exchange,symbol,ex_date,kind,shares_before,shares_after,amount,source"


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "seeds/own").mkdir(parents=True)
    (tmp_path / "seeds/equity_corporate_actions.csv").write_text(f"{HEADER}\n")
    monkeypatch.setattr(dbt, "PROJECT_FOLDER", tmp_path)
    return tmp_path / "seeds"


def named(name: str) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, name)
        settings.cache_clear()
        try:
            return dbt._seed_named("equity_corporate_actions")
        finally:
            settings.cache_clear()


BONUS = "NSE,A,2025-08-04,bonus,1,2,,x"
SWAPPED = "NSE,A,04-08-2025,split,1,2,,x"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "mine.csv has no column exchange, symbol, ex_date, kind"),
        (f"{HEADER.removesuffix(',source')}\n", "mine.csv has no column source; its first line must name"),
        (
            f"{HEADER}\n{BONUS}\n{SWAPPED}\n",
            "line 3 of mine.csv has the ex_date '04-08-2025': write YYYY-MM-DD",
        ),
        (
            f"{HEADER}\n{BONUS.removesuffix(',x')}\n",
            "line 2 of mine.csv has 7 fields where the first line has 8",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_by_line(seeds: Path, text: str, fault: str) -> None:
    (seeds / "own/mine.csv").write_text(text)

    with pytest.raises(TickmartError) as caught:
        named("mine")

    assert str(caught.value).startswith(f"{VARIABLE} names mine, but {fault}")


def test_what_is_right_passes_whatever_the_order_of_its_columns(seeds: Path) -> None:
    (seeds / "own/mine.csv").write_text(
        "\ufeffsource,amount,shares_after,shares_before,kind,ex_date,symbol,exchange,note\n"
        '"a, b",,2,1,bonus,2025-08-04,A,NSE,\n\n'
    )

    assert named("mine") == "mine"
    assert named("equity_corporate_actions") == "equity_corporate_actions"


def test_what_is_not_there_is_named(seeds: Path) -> None:
    with pytest.raises(TickmartError, match=rf"{VARIABLE} names yours, but there is no yours\.csv in seeds/"):
        named("yours")
