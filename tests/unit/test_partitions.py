"""What an export writes: sessions divided by the exporter's own partition."""

from datetime import date
from typing import Any, cast

import pytest

from exporters.exporter import Exporter, Slice
from exporters.exporting import plan_slices
from exporters.formats.backtrader import EXPORTER as BY_MONTH
from exporters.publish import Manifest
from exporters.series import Series

BARS, DAYS = Series.MINUTE_BARS, Series.DAY_BARS
NIFTY = {"NIFTY": (date(2025, 3, 28), date(2025, 4, 1))}


class Divided:
    """An exporter as far as its partition goes: minute bars by day, daily bars by year or all in one."""

    name, catalog_format, series = "divided", "1", (BARS, DAYS)

    def __init__(self, days: str) -> None:
        self.days = days

    def partition(self, series: Series, instrument: str, day: date) -> str:
        return f"{day:{self.days}}" if series == DAYS else f"{day:%Y%m%d}"


def planned(exporter: Any, previous: dict[str, tuple[str, str]] | None = None, **asked: date) -> list[Slice]:
    slices, left = plan(exporter, previous, **asked)
    assert left == set()
    return slices


def plan(
    exporter: Any, previous: dict[str, tuple[str, str]] | None = None, **asked: date
) -> tuple[list[Slice], set[tuple[str, str]]]:
    covered = {key: {"first": first, "last": last} for key, (first, last) in (previous or {}).items()}
    manifest = Manifest({exporter.name: {"covered": {"NIFTY": covered}}})
    return plan_slices(
        NIFTY, manifest, cast(Exporter, exporter), exporter.series, asked.get("start"), asked.get("end")
    )


def month(key: str, first: date, last: date) -> Slice:
    return Slice("NIFTY", key, first, last, BY_MONTH.series)


def test_without_a_range_a_month_ends_with_the_data() -> None:
    assert planned(BY_MONTH) == [
        month("2025-03", date(2025, 3, 28), date(2025, 3, 31)),
        month("2025-04", date(2025, 4, 1), date(2025, 4, 1)),
    ]


def test_a_range_wider_than_the_data_gives_the_whole_months_that_have_some() -> None:
    assert planned(BY_MONTH, start=date.min, end=date.max) == [
        month("2025-03", date(2025, 3, 1), date(2025, 3, 31)),
        month("2025-04", date(2025, 4, 1), date(2025, 4, 30)),
    ]


def test_a_month_that_was_exported_covers_the_earlier_range_too() -> None:
    assert planned(
        BY_MONTH, {"2025-04": ("2025-04-01", "2025-04-10")}, start=date(2025, 4, 20), end=date(2025, 4, 25)
    ) == [month("2025-04", date(2025, 4, 1), date(2025, 4, 25))]


def test_a_month_whose_data_are_gone_is_written_again_to_take_it_away() -> None:
    slices = planned(BY_MONTH, {"2025-01": ("2025-01-02", "2025-01-31")})

    assert [piece.partition for piece in slices] == ["2025-01", "2025-03", "2025-04"]


@pytest.mark.parametrize(
    ("days", "key", "first", "last"),
    [
        ("%Y", "2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("all", "all", date(2025, 3, 28), date(2025, 4, 1)),
    ],
)
def test_each_series_has_partitions_of_its_own(days: str, key: str, first: date, last: date) -> None:
    slices = planned(Divided(days), start=date.min, end=date.max)

    assert [piece for piece in slices if piece.series == (DAYS,)] == [
        Slice("NIFTY", key, first, last, (DAYS,))
    ]
    by_day = [piece for piece in slices if piece.series == (BARS,)]
    assert [piece.partition for piece in by_day] == [
        "20250328",
        "20250329",
        "20250330",
        "20250331",
        "20250401",
    ]
    assert all(piece.first == piece.last for piece in by_day)


def test_a_partition_without_an_end_keeps_what_it_covered() -> None:
    slices = planned(Divided("all"), {"all": ("2024-01-01", "2025-03-28")}, start=date(2025, 4, 1))

    assert Slice("NIFTY", "all", date(2024, 1, 1), date(2025, 4, 1), (DAYS,)) in slices


def test_what_lies_in_other_partitions_than_before_is_written_anew_and_the_old_goes() -> None:
    slices, left = plan(Divided("%Y"), {"2025-03": ("2025-03-28", "2025-03-31")}, start=date(2025, 4, 1))

    assert left == {("NIFTY", "2025-03")}
    assert {piece.partition for piece in slices} == {
        "2025", "20250328", "20250329", "20250330", "20250331", "20250401",
    }  # fmt: skip
    assert Slice("NIFTY", "2025", date(2025, 3, 28), date(2025, 4, 1), (DAYS,)) in slices
