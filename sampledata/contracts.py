"""Which sessions, expiries, lots and ticks an NSE index had on a day, from the dated rows in `seeds/`."""

import csv
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from warehouse.errors import TickmartError
from warehouse.exchanges import known_exchanges
from warehouse.settings import PROJECT_FOLDER

EXCHANGE_ZONE = ZoneInfo(known_exchanges()["NSE"].time_zone)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = range(4)


@dataclass(frozen=True)
class Underlying:
    """An index with listed options and futures.

    Attributes
    ----------
    name : str
        Symbol that the names of its contracts start with.
    index_ticker : str
        Name of the index in the vendor's files, without suffix.
    level : float
        Index level the invented path starts from.
    strike_step : int
        Distance between listed strikes, index points.
    """

    name: str
    index_ticker: str
    level: float
    strike_step: int


UNDERLYINGS = {
    "NIFTY": Underlying("NIFTY", "NIFTY 50", 24600.0, 50),
    "BANKNIFTY": Underlying("BANKNIFTY", "NIFTY BANK", 55200.0, 100),
}


@dataclass(frozen=True)
class _WeekdayRule:
    announced: date
    first_expiry: date
    weekday: int | None


# Trade date from which the exchange's files carried the rule, first expiry under it, weekday (None: no longer
# listed). Measured in F&O bhavcopies; live contracts were re-dated under the same name on the announced day.
_EVER = date.min
_EXPIRY_WEEKDAYS: dict[tuple[str, str], tuple[_WeekdayRule, ...]] = {
    ("NIFTY", "weekly"): (
        _WeekdayRule(_EVER, _EVER, THURSDAY),
        _WeekdayRule(date(2025, 7, 25), date(2025, 9, 1), TUESDAY),
    ),
    ("NIFTY", "monthly"): (
        _WeekdayRule(_EVER, _EVER, THURSDAY),
        _WeekdayRule(date(2025, 8, 1), date(2025, 9, 1), TUESDAY),
    ),
    ("BANKNIFTY", "weekly"): (
        _WeekdayRule(_EVER, _EVER, THURSDAY),
        _WeekdayRule(date(2023, 9, 4), date(2023, 9, 4), WEDNESDAY),
        _WeekdayRule(date(2024, 10, 10), date(2024, 11, 18), None),
    ),
    ("BANKNIFTY", "monthly"): (
        _WeekdayRule(_EVER, _EVER, THURSDAY),
        _WeekdayRule(date(2024, 3, 1), date(2024, 3, 1), WEDNESDAY),
        _WeekdayRule(date(2025, 1, 2), date(2025, 1, 1), THURSDAY),
        _WeekdayRule(date(2025, 8, 1), date(2025, 9, 1), TUESDAY),
    ),
}

WEEKLIES_LISTED = 4
MONTHLIES_LISTED = 3


@dataclass(frozen=True)
class Expiry:
    """An expiry date of an underlying and the names its contracts carry.

    Attributes
    ----------
    day : date
        Last trading day.
    is_monthly : bool
        Whether it is the monthly expiry, which futures share and whose exchange symbol names the month only.
    """

    day: date
    is_monthly: bool

    @property
    def exchange_code(self) -> str:
        """Return the part of the exchange's symbol between underlying and strike, e.g. `25AUG` or `25807`."""
        if self.is_monthly:
            return f"{self.day:%y}{MONTHS[self.day.month - 1]}"
        return f"{self.day:%y}{'123456789OND'[self.day.month - 1]}{self.day:%d}"

    @property
    def vendor_code(self) -> str:
        """Return the part of the vendor's symbol between underlying and strike, e.g. `28AUG25`."""
        return f"{self.day:%d}{MONTHS[self.day.month - 1]}{self.day:%y}"


@cache
def _seed(name: str) -> tuple[dict[str, str], ...]:
    path = PROJECT_FOLDER / "seeds" / f"{name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(csv.DictReader(file))
    except OSError as error:
        raise TickmartError(
            f"cannot read {path}: {error.strerror}; run from a checkout of the project"
        ) from error


def _covers(row: dict[str, str], first: str, last: str, day: date) -> bool:
    return (row[first] or "0000") <= day.isoformat() <= (row[last] or "9999")


@cache
def _closed_days() -> tuple[frozenset[date], date, date]:
    holidays = [date.fromisoformat(row["holiday_date"]) for row in _seed("nse_holidays")]
    special = [date.fromisoformat(row["session_date"]) for row in _seed("nse_special_sessions")]
    # The seed has whole years; a day outside them has an unknown calendar.
    return frozenset(holidays + special), date(min(holidays).year, 1, 1), date(max(holidays).year, 12, 31)


def is_regular_session(day: date) -> bool:
    """Return whether NSE trades its usual hours on `day`.

    Holidays are no session, and neither are special ones (Muhurat evenings, budget weekends, drills): those
    keep hours of their own and settle no contract.

    Raises
    ------
    TickmartError
        If `day` lies outside the years that `seeds/nse_holidays.csv` covers.
    """
    closed, first, last = _closed_days()
    if not first <= day <= last:
        raise TickmartError(f"no calendar for {day}: seeds/nse_holidays.csv covers {first} to {last}")
    return day.weekday() <= 4 and day not in closed


def sessions_from(start: date, count: int) -> list[date]:
    """Return the first `count` regular sessions on or after `start`, ascending."""
    sessions: list[date] = []
    day = start
    while len(sessions) < count:
        if is_regular_session(day):
            sessions.append(day)
        day += timedelta(days=1)
    return sessions


def session_hours(segment: Literal["fo", "index"], day: date) -> tuple[datetime, datetime]:
    """Return opening and closing time of a regular session in Indian time."""
    for row in _seed("nse_session_times"):
        if row["segment"] == segment and _covers(row, "valid_from", "valid_to", day):
            opens, closes = (
                datetime.combine(day, time.fromisoformat(row[column]), EXCHANGE_ZONE)
                for column in ("opens_at", "closes_at")
            )
            return opens, closes
    raise TickmartError(f"no {segment} session hours for {day}: see seeds/nse_session_times.csv")


def _settlement_day(day: date) -> date:
    # The holidays of a later year are not known yet, neither to the exchange nor here.
    while day <= _closed_days()[2] and not is_regular_session(day):
        day -= timedelta(days=1)
    return day


def _weekday(underlying: str, kind: str, expiry: date, session: date) -> int | None:
    weekday: int | None = None
    for rule in _EXPIRY_WEEKDAYS[underlying, kind]:
        if rule.announced <= session and rule.first_expiry <= expiry:
            weekday = rule.weekday
    return weekday


def _monthly_expiries(underlying: str, session: date) -> list[date]:
    nominal: list[date] = []
    year, month = session.year, session.month
    while len(nominal) <= MONTHLIES_LISTED:
        month_end = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        weekday = _weekday(underlying, "monthly", month_end, session)
        if weekday is not None:
            nominal.append(month_end - timedelta(days=(month_end.weekday() - weekday) % 7))
        year, month = year + month // 12, month % 12 + 1
    return nominal


def listed_expiries(underlying: str, session: date) -> list[Expiry]:
    """Return the near expiries of an index as its files showed them on `session`, ascending.

    Parameters
    ----------
    underlying : str
        A key of `UNDERLYINGS`.
    session : date
        Trade date: the same contract was re-dated more than once, so the answer depends on it.

    Returns
    -------
    list of Expiry
        Up to four weeklies and the next three monthlies. The week of a monthly has no weekly of its own.
        Where the nominal day is not a settlement day, the expiry is the one before it.
    """
    nominal_monthlies = _monthly_expiries(underlying, session)
    monthlies = [_settlement_day(day) for day in nominal_monthlies]
    monthly_weeks = {day.isocalendar()[:2] for day in nominal_monthlies}
    weeklies: list[date] = []
    monday = session - timedelta(days=session.weekday())
    for week in range(WEEKLIES_LISTED + 2):
        first = monday + timedelta(weeks=week)
        weekday = _weekday(underlying, "weekly", first + timedelta(days=4), session)
        if weekday is not None and first.isocalendar()[:2] not in monthly_weeks:
            weeklies.append(_settlement_day(first + timedelta(days=weekday)))
    weeklies = [day for day in weeklies if day >= session][:WEEKLIES_LISTED]
    monthlies = [day for day in monthlies if day >= session][:MONTHLIES_LISTED]
    return sorted(
        [Expiry(day, False) for day in weeklies] + [Expiry(day, True) for day in monthlies],
        key=lambda expiry: expiry.day,
    )


def lot_size(underlying: str, expiry: date, session: date) -> int:
    """Return the units per lot of a contract on a trade date."""
    for row in _seed("lot_size_rules"):
        if (
            row["underlying"] == underlying
            and _covers(row, "valid_from", "valid_to", session)
            and _covers(row, "expiry_from", "expiry_to", expiry)
        ):
            return int(row["lot_size"])
    raise TickmartError(
        f"no lot size of {underlying} expiring {expiry} on {session} in seeds/lot_size_rules.csv"
    )


def tick_in_paise(underlying: str, instrument_type: Literal["option", "future"], session: date) -> int:
    """Return the smallest price step in hundredths of a rupee."""
    for row in _seed("tick_size_rules"):
        if (row["underlying"], row["instrument_type"]) == (underlying, instrument_type) and _covers(
            row, "valid_from", "valid_to", session
        ):
            return round(float(row["tick_size"]) * 100)
    raise TickmartError(
        f"no tick size of {underlying} {instrument_type} on {session}: see seeds/tick_size_rules.csv"
    )


def risk_free_rate(session: date) -> float:
    """Return the annual risk-free rate in force on a date, decimal, continuous, act/365."""
    rates = [
        float(row["annual_rate"])
        for row in _seed("risk_free_rates")
        if row["valid_from"] <= session.isoformat()
    ]
    if not rates:
        raise TickmartError(f"no risk-free rate for {session}: see seeds/risk_free_rates.csv")
    return rates[-1]
