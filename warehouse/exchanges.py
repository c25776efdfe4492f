"""The exchanges that are known, as `seeds/exchanges.csv` lists them."""

import csv
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from warehouse.settings import PROJECT_FOLDER

OWN_CALENDAR = "seeds"
_ROUND_THE_CLOCK = "24/7"


@dataclass(frozen=True)
class Exchange:
    """An exchange.

    Attributes
    ----------
    code : str
        Our name of it, such as `NSE`.
    mic : str or None
        Its market identifier code (ISO 10383).
    name : str
        What it calls itself.
    time_zone : str
        The time zone of its days and hours.
    currency : str or None
        The currency of its prices; None where it differs from instrument to instrument.
    calendar : str
        `seeds`, or a calendar of the library exchange_calendars, such as `XNYS` or `24/7`.
    """

    code: str
    mic: str | None
    name: str
    time_zone: str
    currency: str | None
    calendar: str

    @property
    def trades_round_the_clock(self) -> bool:
        """Whether it has no sessions: it never closes."""
        return self.calendar == _ROUND_THE_CLOCK


@cache
def known_exchanges() -> dict[str, Exchange]:
    """Return the exchanges by their code."""
    with (PROJECT_FOLDER / "seeds" / "exchanges.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["exchange"]: Exchange(
                row["exchange"],
                row["mic"] or None,
                row["name"],
                row["time_zone"],
                row["currency"] or None,
                row["calendar"],
            )
            for row in csv.DictReader(lines)
        }


def zone_of(code: str) -> ZoneInfo:
    """Return the time zone of an exchange by its code; UTC for a code that no exchange has."""
    exchange = known_exchanges().get(code)
    return ZoneInfo(exchange.time_zone if exchange else "UTC")
