"""What is to be said of the exchanges' calendars: that one ends, has ended, or is not published."""

from dataclasses import dataclass
from datetime import date

import psycopg2.extensions


@dataclass(frozen=True, slots=True)
class CalendarAdvice:
    """How far the published calendars reach, as of the last build.

    Attributes
    ----------
    last_session : datetime.date or None
        The last published session of the exchange whose calendar ends first; None where one has none at all.
    of_ends : tuple of str
        One sentence per calendar that ends soon or has ended, the first to end first.
    of_provisional_sessions : tuple of str
        One sentence per exchange that has rows on sessions nobody has published, in the order of their names.
    """

    last_session: date | None
    of_ends: tuple[str, ...]
    of_provisional_sessions: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Return all that is to be said, the ends of calendars first."""
        return [*self.of_ends, *self.of_provisional_sessions]


def calendar_advice(connection: psycopg2.extensions.connection) -> CalendarAdvice:
    """Read what a build says of the calendars; it depends on the day as of which they are looked at.

    Raises
    ------
    psycopg2.errors.UndefinedTable
        Where nothing was built yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select last_session, advice from intermediate.int_sessions__remaining"
            " order by last_session nulls first, exchange"
        )
        ends = cursor.fetchall()
        cursor.execute(
            "select advice from intermediate.int_sessions__provisional"
            " where advice is not null order by exchange"
        )
        of_provisional_sessions = tuple(advice for (advice,) in cursor)
    return CalendarAdvice(
        last_session=ends[0][0] if ends else None,
        of_ends=tuple(advice for _, advice in ends if advice is not None),
        of_provisional_sessions=of_provisional_sessions,
    )
