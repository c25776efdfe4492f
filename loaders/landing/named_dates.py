"""Compare a file's day in its name and in its rows: only a check, because a name never decides a date.

Spreadsheets and scripts swap day and month, and a row of 5 April then becomes one of 4 May, and nothing else
contradicts it.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from psycopg2 import extensions, sql

from loaders.layouts import Layout
from warehouse.errors import TickmartError

# How many rows are looked at: enough to know a file's day, at next to no cost for a large file.
ROWS_LOOKED_AT = 200_000
_DISTINCT_TEXTS = 1_000

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMED_MONTH = re.compile(
    rf"(?<!\d)(?P<day>\d\d)[-_ ]?(?P<month>{'|'.join(_MONTHS)})[A-Za-z]{{0,6}}[-_ ]?(?P<year>\d{{4}})(?!\d)",
    re.I,
)
_YEAR_FIRST = re.compile(
    r"(?<!\d)(?P<year>\d{4})(?P<between>[-_.]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)(?!\d)"
)
_DAY_FIRST = re.compile(
    r"(?<!\d)(?P<day>\d\d)(?P<between>[-_.]?)(?P<month>\d\d)(?P=between)(?P<year>\d{4})(?!\d)"
)
_DAY_OF_ROW = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"),
    re.compile(r"(?P<day>\d\d)[-/](?P<month>\d\d)[-/](?P<year>\d{4})"),
    re.compile(rf"(?P<day>\d\d)-(?P<month>{'|'.join(_MONTHS)})-(?P<year>\d{{4}})", re.I),
)


def date_in_name(name: str) -> date | None:
    """Return the date in a file's name, None where there is none or more than one.

    Parameters
    ----------
    name : str
        Such as `ind_close_all_05042023.csv`, `fo09NOV2022bhav.csv` or `BhavCopy_NSE_FO_20251114_F_0000.csv`.
    """
    found = {
        day
        for pattern in (_NAMED_MONTH, _YEAR_FIRST, _DAY_FIRST)
        for match in pattern.finditer(name)
        if (day := _day(match)) is not None
    }
    return found.pop() if len(found) == 1 else None


def notes_on_dates(name: str, texts: Counter[str], force: bool) -> tuple[str, ...]:
    """Compare the date in a file's name with those of its rows.

    Parameters
    ----------
    name : str
        The file's name.
    texts : Counter of str
        How often each text stands in the column that dates the rows. A text that is not a date says nothing.
    force : bool
        Whether rows may have the name's date with day and month swapped.

    Returns
    -------
    tuple of str
        How the dates differ, for the person who loads the file. Empty where the name has no date, or the rows
        have the same one.

    Raises
    ------
    TickmartError
        Most rows have the name's date with day and month swapped.
    """
    named = date_in_name(name)
    days: Counter[date] = Counter()
    for text, count in texts.items():
        if (day := _day_of_row(text)) is not None:
            days[day] += count
    if named is None or not days or named in days:
        return ()
    swapped = _swapped(named)
    if swapped is not None and days[swapped] * 2 > days.total():
        found = f"{name} is named for {named}, its rows are of {swapped}: day and month are swapped in one"
        if not force:
            raise TickmartError(f"{found}. Correct it, or say --force if the rows are right")
        return (found,)
    first, last = min(days), max(days)
    rows = f"of {first}" if first == last else f"from {first} to {last}"
    return (f"the name says {named}, but the rows are {rows}",)


def landed_dates(cursor: extensions.cursor, layout: Layout, load_id: int) -> Counter[str]:
    """Count the texts in the column that dates the rows of a load, which this transaction has landed.

    Parameters
    ----------
    cursor : psycopg2 cursor
    layout : Layout
        One whose rows say their date.
    load_id : int
    """
    cursor.execute(
        sql.SQL(
            "select day, count(*) from (select split_part(btrim({}), ' ', 1) as day from {}"
            " where _load_id = %s limit %s) as looked_at"
            " where octet_length(day) <= 12 group by day order by count(*) desc, day limit %s"
        ).format(sql.Identifier(str(layout.date)), sql.Identifier("raw", layout.table.name)),
        (load_id, ROWS_LOOKED_AT, _DISTINCT_TEXTS),
    )
    return Counter(dict(cursor.fetchall()))


class JudgedDates:
    """Counts the same texts in lines that are judged and not landed.

    Parameters
    ----------
    name : str
        The file's name; lines are looked at only if it has a date.
    layout : Layout
    columns : sequence of str
        The raw column of each field.
    """

    def __init__(self, name: str, layout: Layout, columns: Sequence[str]) -> None:
        self._place = (
            columns.index(layout.date) if layout.date in columns and date_in_name(name) is not None else None
        )
        self._rows = 0
        self.texts: Counter[str] = Counter()

    def look_at(self, good: bytes) -> None:
        """Count the dates of some good lines, until enough are known."""
        if self._place is None or self._rows >= ROWS_LOOKED_AT:
            return
        for row in _rows(good):
            self._rows += 1
            day = row[self._place].strip().split(" ", 1)[0]
            if len(day) <= 12 and (day in self.texts or len(self.texts) < _DISTINCT_TEXTS):
                self.texts[day] += 1


def _rows(good: bytes) -> Iterable[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(good)))
    return csv.reader(io.StringIO(good.decode(), newline=""))


def _day_of_row(text: str) -> date | None:
    for pattern in _DAY_OF_ROW:
        if match := pattern.fullmatch(text):
            return _day(match)
    return None


def _day(match: re.Match[str]) -> date | None:
    month = match["month"].upper()
    number = _MONTHS.index(month) + 1 if month in _MONTHS else int(month)
    try:
        day = date(int(match["year"]), number, int(match["day"]))
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2099 else None


def _swapped(day: date) -> date | None:
    return None if day.day > 12 or day.day == day.month else date(day.year, day.day, day.month)
