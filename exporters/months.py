"""The calendar month, by which formats divide their files unless they have a file per day."""

from dataclasses import dataclass
from datetime import date

from exporters.series import Series


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a day."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month whose `str` is this text."""
        year, month = text.split("-")
        return cls(int(year), int(month))

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def following(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def by_month(series: Series, instrument: str, day: date) -> str:
    """Return the partition of exporters that keep a file per calendar month, such as `2025-03`."""
    return str(Month.of(day))
