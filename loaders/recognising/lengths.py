"""The length of a bar in PostgreSQL's words: less than a day as `HH:MM:SS`, else a day, a week or a month."""

from datetime import timedelta

# These follow the calendar: a day is not always 24 hours long.
DAY, WEEK, MONTH = "1 day", "7 days", "1 mon"
CALENDAR_LENGTHS = (DAY, WEEK, MONTH)
_ADJECTIVES = {DAY: "daily", WEEK: "weekly", MONTH: "monthly"}


def clock_text(seconds: int) -> str:
    """Return some seconds of less than a day as `HH:MM:SS`."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def clock_length(text: str) -> timedelta:
    """Return how long `HH:MM:SS` is; seconds may have a fraction.

    Raises
    ------
    ValueError
        The length is one of the calendar.
    """
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def as_adjective(length: str) -> str:
    """Return a length as it stands before `bars`: `5-minute`, `daily`."""
    if length in CALENDAR_LENGTHS:
        return _ADJECTIVES[length]
    seconds = clock_length(length).total_seconds()
    return f"{seconds / 60:g}-minute" if seconds % 60 == 0 else f"{seconds:g}-second"
