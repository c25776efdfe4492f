"""The date in a file's name, beside those of its rows."""

from collections import Counter
from datetime import date

import pytest

from loaders.landing.named_dates import date_in_name, notes_on_dates
from loaders.sources import SOURCES
from warehouse.errors import TickmartError


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("ind_close_all_05042023.csv", date(2023, 4, 5)),
        ("fo09NOV2022bhav.csv", date(2022, 11, 9)),
        (
            "BhavCopy_NSE_FO_0_0_0_20251114_F_0000.csv.zip!BhavCopy_NSE_FO_0_0_0_20251114_F_0000.csv",
            date(2025, 11, 14),
        ),
        ("sec_bhavdata_full_01082025.csv", date(2025, 8, 1)),
        ("2025-08-01/chain.json", date(2025, 8, 1)),
        ("bars 25.11.2025.csv", date(2025, 11, 25)),
        ("breeze_nifty_fut_12Mar2025.csv", date(2025, 3, 12)),
        ("from_20250101_to_20250131.csv", None),
        ("candles_1min_9827074.csv", None),
        ("31022025.csv", None),
        ("17436186.csv", None),
        ("nifty.csv", None),
    ],
)
def test_a_name_has_one_date_or_none(name: str, day: date | None) -> None:
    assert date_in_name(name) == day


def test_rows_of_the_name_with_day_and_month_swapped_are_refused() -> None:
    texts = Counter({"04-05-2023": 119, "n/a": 1})
    found = (
        "ind_close_all_05042023.csv is named for 2023-04-05, its rows are of 2023-05-04:"
        " day and month are swapped in one"
    )
    with pytest.raises(TickmartError) as refused:
        notes_on_dates("ind_close_all_05042023.csv", texts, force=False)
    assert str(refused.value) == f"{found}. Correct it, or say --force if the rows are right"
    assert notes_on_dates("ind_close_all_05042023.csv", texts, force=True) == (found,)


@pytest.mark.parametrize(
    ("texts", "notes"),
    [
        ({"05-04-2023": 1}, ()),
        ({"05-04-2023": 1, "06-04-2023": 9}, ()),
        ({"03-04-2023": 1}, ("the name says 2023-04-05, but the rows are of 2023-04-03",)),
        # a history that was fetched on that day
        (
            {"03-05-2023": 1, "04-05-2023": 1, "05-05-2023": 1},
            ("the name says 2023-04-05, but the rows are from 2023-05-03 to 2023-05-05",),
        ),
        ({"yesterday": 1}, ()),
    ],
)
def test_another_contradiction_is_said_and_decides_nothing(
    texts: dict[str, int], notes: tuple[str, ...]
) -> None:
    assert notes_on_dates("ind_close_all_05042023.csv", Counter(texts), force=False) == notes


def test_every_layout_whose_rows_are_dated_knows_where() -> None:
    for source in (source for source in SOURCES.values() if source.recognise is None):
        for layout in source.layouts:
            assert (layout.date is None) == source.undated
            assert layout.date is None or layout.date in layout.table.columns
