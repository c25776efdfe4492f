"""Sessions of exchanges that keep no calendar in the seeds, as rows that dbt reads."""

import csv
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

from psycopg2 import extensions
from psycopg2.extras import execute_values

from warehouse.clock import today
from warehouse.exchanges import OWN_CALENDAR, Exchange, known_exchanges
from warehouse.settings import PROJECT_FOLDER

FIRST_DAY = date(2000, 1, 1)

# A session of the library: the day that it is called by, when it opens and when it closes.
Session = tuple[date, datetime, datetime]


def write_needed_sessions(connection: extensions.connection) -> dict[str, int]:
    """Write the sessions of every exchange that a current load names, where they are not there yet.

    A load names its exchange in its options. An exchange whose calendar is in the seeds is left to them, and
    an unknown exchange has no sessions.

    Parameters
    ----------
    connection : connection
        To the database; the rows are committed.

    Returns
    -------
    dict of str to int
        Sessions written, changed or taken back, by exchange; empty where all were there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct coalesce(options ->> 'exchange', options #>> '{reading,exchange}')"
            " from audit.current_loads where options ? 'exchange' or options ? 'reading'"
        )
        named = {code for (code,) in cursor}
    changed = {}
    for code in sorted(named & set(known_exchanges())):
        exchange = known_exchanges()[code]
        if exchange.calendar != OWN_CALENDAR and (rows := write_sessions(connection, exchange)):
            changed[code] = rows
    connection.commit()
    return changed


def write_sessions(connection: extensions.connection, exchange: Exchange) -> int:
    """Bring the stored sessions of an exchange to what its calendar says.

    They reach from the year 2000 to the end of the year after this one, or as far as the calendar does.

    Parameters
    ----------
    connection : connection
        To the database; nothing is committed.
    exchange : Exchange
        One with a calendar of the library.

    Returns
    -------
    int
        Rows written, changed or taken back; 0 where the same calendar was written by the same library before.
    """
    written_by = f"exchange_calendars {version('exchange_calendars')}"
    wanted = date(today(exchange.time_zone).year + 1, 12, 31)
    with connection.cursor() as cursor:
        cursor.execute(
            "select calendar, written_by, wanted_until from enrichment.exchange_calendars"
            " where exchange = %s",
            (exchange.code,),
        )
        if cursor.fetchone() == (exchange.calendar, written_by, wanted):
            return 0
        first, last, sessions = sessions_of(exchange.calendar, FIRST_DAY, wanted)
        changed = _replace_sessions(cursor, exchange.code, sessions)
        cursor.execute(
            """
            insert into enrichment.exchange_calendars as stored
                (exchange, calendar, first_day, last_day, wanted_until, written_by)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (exchange) do update set
                calendar = excluded.calendar, first_day = excluded.first_day, last_day = excluded.last_day,
                wanted_until = excluded.wanted_until, written_by = excluded.written_by
            """,
            (exchange.code, exchange.calendar, first, last, wanted, written_by),
        )
    return changed


def sessions_of(calendar: str, first: date, last: date) -> tuple[date, date, list[Session]]:
    """Return the sessions of a calendar of the library, and the first and the last day that they cover.

    Parameters
    ----------
    calendar : str
        Its name there, mostly the MIC of the exchange: `XNYS`, `CMES`, `24/7`.
    first, last : date
        What is wanted; the calendar's own bounds cut it short.

    Returns
    -------
    first, last : date
        The days that the sessions cover, both inclusive.
    sessions : list of (date, datetime, datetime)
        In their order. An evening open belongs to the session of the next day, as the exchange has it.
    """
    import exchange_calendars  # imports pandas: half a second that most builds do not need

    kind = type(exchange_calendars.get_calendar(calendar))
    earliest, latest = kind.bound_min(), kind.bound_max()
    first = first if earliest is None else max(first, earliest.date())
    last = last if latest is None else min(last, latest.date())
    schedule = exchange_calendars.get_calendar(calendar, start=str(first), end=str(last)).schedule
    return (
        first,
        last,
        [
            (day.date(), opens.to_pydatetime(), closes.to_pydatetime())
            for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
        ],
    )


def regular_hours(code: str, first: date, last: date) -> list[Session]:
    """Return when an exchange opens and closes on its regular days.

    Parameters
    ----------
    code : str
        One of the known exchanges.
    first, last : date
        Both inclusive. Of an exchange whose calendar is in the seeds every day is returned, holidays too,
        and no special session.

    Returns
    -------
    list of (date, datetime, datetime)
    """
    exchange = known_exchanges()[code]
    if exchange.calendar != OWN_CALENDAR:
        years = range(first.year, last.year + 1)
        return [
            session
            for year in years
            for session in _sessions_of_year(exchange.calendar, year)
            if first <= session[0] <= last
        ]
    zone = ZoneInfo(exchange.time_zone)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        (day, datetime.combine(day, opens, zone), datetime.combine(day, closes, zone))
        for valid_from, valid_to, opens, closes in _hours_of_seeds(code)
        for day in days
        if valid_from <= day <= valid_to
    ]


@cache
def _sessions_of_year(calendar: str, year: int) -> list[Session]:
    try:
        return sessions_of(calendar, date(year, 1, 1), date(year, 12, 31))[2]
    except ValueError:  # the calendar has no such year
        return []


@cache
def _hours_of_seeds(code: str) -> list[tuple[date, date, time, time]]:
    with (PROJECT_FOLDER / "seeds" / "nse_session_times.csv").open(encoding="utf-8", newline="") as lines:
        return [
            (
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
                time.fromisoformat(row["opens_at"]),
                time.fromisoformat(row["closes_at"]),
            )
            for row in csv.DictReader(lines)
            if row["exchange"] == code and row["segment"] == "cash"
        ]


def _replace_sessions(cursor: extensions.cursor, code: str, sessions: Iterable[Session]) -> int:
    cursor.execute(
        "select session_date, opens_at, closes_at from enrichment.exchange_sessions where exchange = %s",
        (code,),
    )
    stored, wanted = set(cursor.fetchall()), set(sessions)
    gone, new = sorted(stored - wanted), sorted(wanted - stored)
    cursor.execute(
        "delete from enrichment.exchange_sessions where exchange = %s and session_date = any (%s)",
        (code, [day for day, *_ in gone]),
    )
    execute_values(
        cursor,
        "insert into enrichment.exchange_sessions (exchange, session_date, opens_at, closes_at) values %s",
        [(code, *session) for session in new],
        page_size=1000,
    )
    return len({day for day, *_ in (*gone, *new)})
