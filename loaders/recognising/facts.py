"""What the rows of a whole file show: how far bars lie apart, where in their session they stand, what is odd.

One pass in batches. What is kept grows with the number of symbols and days, not with the number of rows.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SECOND = 1_000_000  # microseconds, as are all lengths here
_HOUR = 3_600 * SECOND
DAY = 24 * _HOUR
_MOST_SYMBOLS = 200_000  # beyond these, more of them prove no more
_MOST_SPACINGS = 100_000  # beyond these, the rarest are only counted
# So many spacings of a symbol that are all multiples of one length are no chance.
_ENOUGH = 8
# Days on which nothing traded at the open, or a bar of an auction stands at the close, must not decide.
_MOST_DAYS, _FEW_DAYS = 0.5, 0.05
_ODD_SHARE = 0.01

Hours = Mapping[date, tuple[datetime, datetime]]


@dataclass
class Spacing:
    """How far the bars of one symbol lie apart, symbol by symbol.

    Attributes
    ----------
    within_days : Counter of int
        Microseconds between neighbours of one day, with how often they occur.
    between_days : Counter of int
        Days between the last bar of a day and the first of the next one that has any.
    rare : int
        Spacings of one day that are so rare, among so many lengths, that no length of them is kept.
    conflicting : int
        Rows with symbol and time of another row, and another price.
    """

    within_days: Counter[int] = field(default_factory=Counter)
    between_days: Counter[int] = field(default_factory=Counter)
    rare: int = 0
    conflicting: int = 0
    _codes: dict[str, int] = field(default_factory=dict)
    _last: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    _divisor: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    _count: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def look_at(self, symbols: pa.Array | None, local: np.ndarray, prices: np.ndarray) -> None:
        """Take in some rows.

        Parameters
        ----------
        symbols : pyarrow.Array of text or None
            What each row is of; None where all are of one symbol.
        local : (n,) int64
            Microseconds since 1970 by the clock of the session.
        prices : (n,) float64
            NaN where there is none.
        """
        codes = self._coded(symbols, len(local))
        known = codes >= 0
        codes, times, prices = codes[known], local[known], prices[known]
        if not len(codes):
            return
        order = np.argsort(codes, kind="stable")  # most files are in the order of their times already
        if np.any((np.diff(codes[order]) == 0) & (np.diff(times[order]) < 0)):
            order = np.lexsort((times, codes))
        codes, times, prices = codes[order], times[order], prices[order]
        is_first = np.r_[True, codes[1:] != codes[:-1]]
        before = np.empty_like(times)
        before[1:] = times[:-1]
        before[is_first] = self._last[codes[is_first]]
        apart = times - before
        repeated = ~is_first[1:] & (apart[1:] == 0)
        self.conflicting += int((repeated & (prices[1:] != prices[:-1]) & ~np.isnan(prices[1:])).sum())
        counts = (apart > 0) & (before != np.iinfo(np.int64).min)
        same_day = counts & (times // DAY == before // DAY)
        self._add(self.within_days, apart[same_day])
        if len(self.within_days) > _MOST_SPACINGS:
            kept = Counter(dict(self.within_days.most_common(_MOST_SPACINGS // 2)))
            self.rare += self.within_days.total() - kept.total()
            self.within_days = kept
        self._add(self.between_days, (times // DAY - before // DAY)[counts & ~same_day])
        within, of = apart[same_day], codes[same_day]
        if len(of):
            starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
            divisors = np.gcd.reduceat(within, starts)
            self._divisor[of[starts]] = np.gcd(self._divisor[of[starts]], divisors)
            self._count[of[starts]] += np.diff(np.r_[starts, len(of)])
        ends = np.flatnonzero(np.r_[codes[1:] != codes[:-1], True])
        self._last[codes[ends]] = times[ends]

    def usual(self) -> int | None:
        """Return the most frequent spacing within a day; None where no day has two bars of a symbol."""
        return self.within_days.most_common(1)[0][0] if self.within_days else None

    def others(self) -> list[int]:
        """Return spacings that are regular beside the usual one: of other symbols, or of many rows.

        A symbol that trades seldom has gaps that are multiples of the usual spacing by chance, but not eight
        in a row.
        """
        usual = self.usual()
        if usual is None:
            return []
        told = self._divisor[self._count >= _ENOUGH]
        found = {int(divisor) for divisor in told if divisor % usual == 0 and divisor != usual}
        odd = Counter({apart: count for apart, count in self.within_days.items() if apart % usual})
        if odd and odd.total() + self.rare > _ODD_SHARE * (self.within_days.total() + self.rare):
            found.add(odd.most_common(1)[0][0])
        return sorted(found)

    def _coded(self, symbols: pa.Array | None, rows: int) -> np.ndarray:
        if symbols is None:
            self._codes.setdefault("", 0)
            codes = np.zeros(rows, np.int64)
        else:
            encoded = pc.dictionary_encode(pc.fill_null(symbols, ""))
            own = []
            for text in encoded.dictionary.to_pylist():
                if text not in self._codes and len(self._codes) < _MOST_SYMBOLS:
                    self._codes[text] = len(self._codes)
                own.append(self._codes.get(text, -1))
            codes = np.asarray(own, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
        missing = len(self._codes) - len(self._last)
        if missing > 0:
            self._last = np.r_[self._last, np.full(missing, np.iinfo(np.int64).min)]
            self._divisor = np.r_[self._divisor, np.zeros(missing, np.int64)]
            self._count = np.r_[self._count, np.zeros(missing, np.int64)]
        return codes

    @staticmethod
    def _add(counter: Counter[int], values: np.ndarray) -> None:
        for value, count in zip(*np.unique(values, return_counts=True), strict=True):
            counter[int(value)] += int(count)


@dataclass
class Place:
    """Where the stamps of bars stand in their sessions.

    Attributes
    ----------
    hours : callable
        Returns the open and the close of the sessions of some days, where they are known.
    """

    hours: Callable[[date, date], Hours] | None
    at_open: set[int] = field(default_factory=set)
    at_close: set[int] = field(default_factory=set)
    first: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    bounds: dict[int, tuple[int, int]] = field(default_factory=dict)
    days: set[int] = field(default_factory=set)
    ends_of_seconds: set[int] = field(default_factory=set)
    times_of_day: set[int] = field(default_factory=set)

    def look_at(self, local: np.ndarray) -> None:
        """Take in some rows: microseconds since 1970 by the exchange's clock."""
        days, times = local // DAY, local % DAY
        self._keep(self.ends_of_seconds, local % (60 * SECOND))
        self._keep(self.times_of_day, times)
        found = np.unique(days)
        self.days.update(found.tolist())
        if self.hours is None or not len(found):
            return
        known = self.hours(_date(found[0]), _date(found[-1]))
        bounds = {
            int(day): (_microseconds(known[_date(day)][0]), _microseconds(known[_date(day)][1]))
            for day in found
            if _date(day) in known
        }
        opens = np.array([bounds.get(int(day), (-1, -1))[0] for day in found])
        closes = np.array([bounds.get(int(day), (-1, -1))[1] for day in found])
        of = np.searchsorted(found, days)
        self.at_open.update(np.unique(days[times == opens[of]]).tolist())
        self.at_close.update(np.unique(days[times == closes[of]]).tolist())
        self.bounds |= bounds
        firsts, lasts = np.full(len(found), DAY), np.full(len(found), -1)
        np.minimum.at(firsts, of, times)
        np.maximum.at(lasts, of, times)
        for day, first, last in zip(found.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
            self.first[day] = min(self.first.get(day, DAY), first)
            self.last[day] = max(self.last.get(day, -1), last)

    def is_shifted(self) -> bool:
        """Return whether most days begin and end long before their session, or long after it."""
        known = [day for day in self.days if day in self.bounds]
        shifted = [
            day
            for day in known
            if (
                self.first[day] < self.bounds[day][0] - _HOUR and self.last[day] < self.bounds[day][1] - _HOUR
            )
            or (
                self.first[day] > self.bounds[day][0] + _HOUR and self.last[day] > self.bounds[day][1] + _HOUR
            )
        ]
        return bool(known) and len(shifted) >= _MOST_DAYS * len(known)

    def label(self, interval: int) -> str | None:
        """`start` or `end` where the sessions prove which of a bar's ends the stamps are; else None.

        A bar that begins when the session opens is stamped with the open only if stamps are starts. One that
        ends at the close has the close as its stamp only if they are ends, provided that the first one of the
        day is a bar's length after the open: bars of the hours after the session begin at the close, too.

        Parameters
        ----------
        interval : int
            Length of a bar in microseconds.
        """
        if not self.days:
            return None
        known = [day for day in self.days if day in self.bounds]
        ends_of_first = sum(self.first[day] == self.bounds[day][0] + interval for day in known)
        opens, closes = (len(found) / len(self.days) for found in (self.at_open, self.at_close))
        if opens >= _MOST_DAYS and closes <= _FEW_DAYS:
            return "start"
        if closes >= _MOST_DAYS and opens <= _FEW_DAYS and ends_of_first >= _MOST_DAYS * len(known):
            return "end"
        return None

    @staticmethod
    def _keep(found: set[int], values: np.ndarray) -> None:
        if len(found) < 3_000:
            found.update(np.unique(values).tolist())


@dataclass
class Prices:
    """What the prices of a whole file show.

    Attributes
    ----------
    rows, numbers : int
        Rows, and those of them whose price is a number.
    high_below_low : int
    decimal_commas, decimal_points : int
        Prices in which a comma, or a point, can only be the decimal sign.
    open_commas : int
        Prices in which a comma could be either.
    """

    rows: int = 0
    numbers: int = 0
    high_below_low: int = 0
    decimal_commas: int = 0
    decimal_points: int = 0
    open_commas: int = 0

    def look_at(
        self, close: pa.Array, high: pa.Array | None, low: pa.Array | None, decimal: str = "."
    ) -> pa.Array:
        """Take in some rows, texts of prices, and return the first of them as numbers."""
        self.rows += len(close)
        self._look_for_commas(close)
        read = numbers(close, decimal)
        self.numbers += len(read) - read.null_count
        if high is not None and low is not None:
            crossed = pc.less(numbers(high, decimal), numbers(low, decimal))
            self.high_below_low += pc.sum(crossed).as_py() or 0
        return read

    def look_for_signs(self, close: pa.Array) -> None:
        """Take in the signs of some texts of prices, and nothing else of them."""
        self._look_for_commas(close)
        self.decimal_points += _count(
            close, r"^\s*[-+]?\d+\.(?:\d{1,2}|\d{4,})\s*$|\d,\d{2,3}(?:,\d{2,3})*\.\d"
        )

    def _look_for_commas(self, close: pa.Array) -> None:
        if pc.any(pc.match_substring(close, ",")).as_py():
            self.decimal_commas += _count(close, r"^\s*[-+]?\d+(?:\.\d{3})*,(?:\d{1,2}|\d{4,})\s*$")
            self.open_commas += _count(close, r"^\s*[-+]?\d{1,3},\d{3}\s*$")


def numbers(texts: pa.Array, decimal: str = ".") -> pa.Array:
    """Return texts as float64, NULL where they are no number; thousands may be grouped."""
    if decimal == "." and (read := _plain_numbers(texts)) is not None:
        return read
    bare = pc.utf8_trim_whitespace(texts)
    if decimal == ",":
        bare = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
    elif pc.any(pc.match_substring(bare, ",")).as_py():
        bare = pc.replace_substring(bare, ",", "")
    is_number = pc.match_substring_regex(bare, r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?$")
    return pc.if_else(is_number, bare, None).cast(pa.float64())


def _plain_numbers(texts: pa.Array) -> pa.Array | None:
    """Return texts that are all digits and points, or blank, many times as fast as other numbers are read."""
    if any(pc.any(pc.match_substring(texts, sign)).as_py() for sign in "eE"):
        return None
    try:
        if pc.min(pc.binary_length(texts)).as_py() == 0:
            texts = pc.if_else(pc.equal(texts, ""), None, texts)
        read = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return None if pc.all(pc.is_finite(read)).as_py() is False else read  # Arrow takes `nan` for a number


def _count(texts: pa.Array, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0


def _date(day: int) -> date:
    return date.fromordinal(int(day) + date(1970, 1, 1).toordinal())


def _microseconds(moment: datetime) -> int:
    """Microseconds since midnight by the moment's own clock."""
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * SECOND
