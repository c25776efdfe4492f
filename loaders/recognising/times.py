"""How a file writes its times: found in its first rows, held against all of them.

A form is kept in the ledger as a pattern and its rearrangement into `YYYY-MM-DD HH:MM:SS`, or as the unit of
a count since 1970. Staging views read exactly these, so what is recognised here is what is read there.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Seconds since 1970 of the year 2100, and of 1990: a count between them, in one of four units, is a time.
_FIRST, _LAST = 631_152_000, 4_102_444_800
_LEAST_SHARE = 0.9
_SHORTEST_ISO = len("2025-03-12 09:15")
_MANY = 2_000  # texts, of which few days and clocks are the parts
_MOST_DAYS = 31  # of a month; a greater number is a damaged cell
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_CLOCK = r"(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm])?)"
_ZONE = r"( ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?"
_REST = rf"(?:[ T]+{_CLOCK}{_ZONE})?"
_MONTH = r"([A-Za-z]{3})[a-z]*"
# The date's own pattern, and where its year, month and day stand in it.
_DATES = {
    "year first": (r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", (1, 2, 3)),
    "year first, no signs": (r"(\d{4})(\d{2})(\d{2})", (1, 2, 3)),
    "day first": (r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", (3, 2, 1)),
    "month first": (r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", (3, 1, 2)),
    "day first, short year": (r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{2})", (3, 2, 1)),
    "month first, short year": (r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{2})", (3, 1, 2)),
    "name of month": (rf"(\d{{1,2}})[- ]?{_MONTH}[- ,]*(\d{{4}})", (3, 2, 1)),
    "name of month, short year": (rf"(\d{{1,2}})[- ]?{_MONTH}[- ]*(\d{{2}})", (3, 2, 1)),
    "name of month first": (rf"{_MONTH}[- ]+(\d{{1,2}})[, ]+(\d{{4}})", (3, 1, 2)),
}
_COMPACT_CLOCK = re.compile(r"^\d{8}[ T]?(\d{2})(\d{2})(\d{2})?$")
_PLAIN_CLOCK = re.compile(r"^\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?\s*$")
_COUNT = re.compile(r"^\s*\d{9,19}(?:\.\d+)?\s*$")


@dataclass(frozen=True)
class Form:
    r"""How a column writes moments or days.

    Attributes
    ----------
    name : str
        In words, such as `day first` or `epoch ms`.
    pattern : str
        A regular expression that every value of the form matches, with a group for each part; empty for a
        count.
    iso : str
        The replacement that makes `YYYY-MM-DD HH:MM:SS…` of it, groups as `\1`; empty for a count.
    unit : str or None
        `s`, `ms`, `us` or `ns` of a count since 1970 in UTC.
    """

    name: str
    pattern: str = ""
    iso: str = ""
    unit: str | None = None

    @property
    def leaves_the_order_open(self) -> bool:
        """Whether day and month could change places."""
        return self.name.startswith(("day first", "month first"))

    def of_days(self) -> "Form":
        """Return the form with the clock and the zone left out of what is read."""
        return replace(self, iso=self.iso.partition(" ")[0])

    def other_order(self) -> "Form":
        """Return the form with day and month the other way round."""
        now, other = ("day", "month") if self.name.startswith("day") else ("month", "day")
        return _form(self.name.replace(f"{now} first", f"{other} first"))


def _form(name: str) -> Form:
    pattern, places = _DATES[name]
    year, month, day = (rf"\{place}" for place in places)
    century = "20" if "short year" in name else ""
    if name == "year first, no signs":
        # 20250302, 20250302 170000, 20250302 17:00:00
        rest = rf"(?:[ T]?(\d{{2}}):?(\d{{2}}):?(\d{{2}})?{_ZONE})?"
        return Form(name, rf"^\s*{pattern}{rest}\s*$", rf"{year}-{month}-{day} \4:\5:\6\7")
    return Form(name, rf"^\s*{pattern}{_REST}\s*$", rf"{century}{year}-{month}-{day} \4\5")


def forms_of(values: Sequence[str]) -> list[Form]:
    """Return the forms that nearly all of some values may have; none where they are no times.

    Of a date whose day and month could change places, both orders are returned unless a value proves one.
    """
    told = [value for value in values if value]
    least = max(1, min(_LEAST_SHARE * len(told), len(told) - 1))  # one cell of a short file may be damaged
    found = []
    for unit, per_second in _UNITS.items():
        counts = sum(
            bool(_COUNT.match(value)) and _FIRST <= float(value) / per_second <= _LAST for value in told
        )
        if counts >= least:
            found.append(Form(f"epoch {unit}", unit=unit))
    for name, (_, places) in _DATES.items():
        form = _form(name)
        matches = [re.match(form.pattern, value) for value in told]
        if sum(match is not None and _is_date(match, places) for match in matches) >= least:
            found.append(form)
    return found


def is_clock(values: Sequence[str]) -> bool:
    """Whether values are times of day without a date."""
    told = [value for value in values if value]
    return bool(told) and all(_PLAIN_CLOCK.match(value) for value in told)


def _is_date(match: re.Match[str], places: tuple[int, int, int]) -> bool:
    _, month, day = (match[place] for place in places)
    if not month.isdigit():
        return month[:3].title() in _MONTHS and 1 <= int(day) <= 31
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moments(texts: pa.Array, form: Form, clocks: pa.Array | None = None) -> tuple[pa.Array, pa.Array]:
    """Read times.

    Parameters
    ----------
    texts : pyarrow.Array of text
        In one form.
    form : Form
    clocks : pyarrow.Array of text or None
        The times of day, where they stand in a column of their own.

    Returns
    -------
    moments : pyarrow.Array of timestamp[us]
        NULL where the text has another form. In UTC where the form is a count or the text names a zone, else
        as the clock showed.
    zoned : pyarrow.Array of bool
        Whether the text itself says where on the globe its clock hangs.
    """
    if form.unit:
        whole = pc.utf8_trim_whitespace(texts)
        if pc.any(pc.match_substring(whole, ".")).as_py():
            whole = pc.replace_substring_regex(whole, r"\..*$", "")
        whole = pc.cast(whole, pa.int64())
        scale = {"s": 1_000_000, "ms": 1_000, "us": 1}
        micros = pc.divide(whole, 1_000) if form.unit == "ns" else pc.multiply(whole, scale[form.unit])
        return micros.cast(pa.timestamp("us")), pa.array([True] * len(texts))
    if clocks is not None:
        texts = pc.binary_join_element_wise(
            pc.utf8_trim_whitespace(texts), pc.utf8_trim_whitespace(clocks), " "
        )
    has_clock = " " in form.iso
    if form.name == "year first" and has_clock and (read := _read_iso(texts)) is not None:
        return read
    # a day has few dates and many rows a few clocks: each text is read once
    encoded = pc.dictionary_encode(texts)
    of_texts = _read if len(encoded.dictionary) < _MANY else _read_apart
    read, zoned = of_texts(encoded.dictionary, form)
    return pc.take(read, encoded.indices), pc.fill_null(pc.take(zoned, encoded.indices), False)


def _read_iso(texts: pa.Array) -> tuple[pa.Array, pa.Array] | None:
    """Read texts that are all ISO 8601 with seconds or minutes, many times as fast as any form is read."""
    shortest = pc.min(pc.binary_length(texts)).as_py() or 0
    # Arrow takes an hour without minutes, too, which is no time here
    if shortest < _SHORTEST_ISO or not pc.all(pc.equal(pc.utf8_slice_codeunits(texts, 13, 14), ":")).as_py():
        return None
    for zone in (None, "UTC"):
        try:
            read = texts.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        return read.cast(pa.timestamp("us")), pa.array(np.full(len(texts), zone is not None))
    return None


def _read_apart(texts: pa.Array, form: Form) -> tuple[pa.Array, pa.Array]:
    """Read many texts by the parts before and after their first blank, where few days stand before it."""
    bare = pc.binary_join_element_wise(pc.ascii_ltrim(texts, " \t\n\f\r"), "", " ")
    parts = pc.split_pattern(bare, " ", max_splits=1)
    days, clocks = (pc.dictionary_encode(pc.list_element(parts, place)) for place in (0, 1))
    of_days, _ = _read(days.dictionary, form)
    one = pc.index(pc.is_valid(of_days), True).as_py()
    if one < 0 or len(days.dictionary) * 2 > len(texts):
        return _read(texts, form)
    of_clocks, zoned = _read(pc.binary_join_element_wise(days.dictionary[one], clocks.dictionary, " "), form)
    of_days, of_clocks = (read.cast(pa.int64()) for read in (of_days, of_clocks))
    since = pc.subtract(of_clocks, of_days[one])
    read = pc.add(pc.take(of_days, days.indices), pc.take(since, clocks.indices))
    return read.cast(pa.timestamp("us")), pc.take(zoned, clocks.indices)


def _read(texts: pa.Array, form: Form) -> tuple[pa.Array, pa.Array]:
    iso = pc.replace_substring_regex(texts, form.pattern, form.iso)
    iso = pc.if_else(pc.match_substring_regex(texts, form.pattern), iso, None)
    parts = pc.extract_regex(
        iso,
        r"^(?P<y>\d{4})-(?P<mo>\w{1,3})-(?P<d>\d{1,2}) ?(?P<h>\d{0,2}):?(?P<mi>\d{0,2}):?(?P<s>\d{0,2})"
        r"[.,]?(?P<f>\d{0,9})(?P<half> ?[AaPp]?[Mm]?) ?(?P<zone>.*)$",
    )
    part = {
        name: pc.struct_field(parts, name) for name in ("y", "mo", "d", "h", "mi", "s", "f", "half", "zone")
    }
    text = pc.binary_join_element_wise(
        part["y"], _padded(_numbered(part["mo"]), 2), _padded(part["d"], 2), "-"
    )
    hour = _number(part["h"])
    half = pc.utf8_lower(pc.utf8_trim_whitespace(part["half"]))
    hour = pc.if_else(pc.equal(half, "pm"), pc.add(pc.if_else(pc.equal(hour, 12), 0, hour), 12), hour)
    hour = pc.if_else(pc.and_(pc.equal(half, "am"), pc.equal(hour, 12)), 0, hour)
    day = _strict_days(text)
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(part["f"], 6, "0"), 0, 6)
    seconds = pc.add(
        pc.multiply(hour, 3600), pc.add(pc.multiply(_number(part["mi"]), 60), _number(part["s"]))
    )
    offset, zoned = _offset(part["zone"])
    micros = pc.add(
        pc.multiply(pc.add(pc.multiply(day, 86_400), pc.subtract(seconds, offset)), 1_000_000),
        _number(fraction),
    )
    possible = pc.and_(
        pc.less(hour, 24), pc.and_(pc.less(_number(part["mi"]), 60), pc.less(_number(part["s"]), 60))
    )
    return pc.if_else(possible, micros, None).cast(pa.timestamp("us")), zoned


def _numbered(months: pa.Array) -> pa.Array:
    for number, name in enumerate(_MONTHS, 1):
        months = pc.replace_substring_regex(months, f"(?i)^{name}$", str(number))
    return months


def _padded(texts: pa.Array, width: int) -> pa.Array:
    return pc.utf8_lpad(texts, width, "0")


def _number(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64())


def _strict_days(dates: pa.Array) -> pa.Array:
    """Days since 1970 of `YYYY-MM-DD`; NULL for 31 February."""
    read = pc.strptime(dates, format="%Y-%m-%d", unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(read, "%Y-%m-%d"), dates)
    return pc.if_else(same, read.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), None)


def _offset(zones: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Seconds east of Greenwich, and whether the text names a zone at all."""
    zones = pc.utf8_trim_whitespace(zones)
    parts = pc.extract_regex(zones, r"^(?P<sign>[+-])(?P<h>\d{2}):?(?P<m>\d{0,2})$")
    seconds = pc.add(
        pc.multiply(_number(pc.struct_field(parts, "h")), 3600),
        pc.multiply(_number(pc.struct_field(parts, "m")), 60),
    )
    signed = pc.if_else(pc.equal(pc.struct_field(parts, "sign"), "-"), pc.negate(seconds), seconds)
    return pc.fill_null(signed, 0), pc.fill_null(pc.not_equal(zones, ""), False)


def order_evidence(texts: Iterable[pa.Array]) -> tuple[bool, bool]:
    """Return whether some date proves that the day stands first, and whether some proves the month first."""
    day_first = month_first = False
    for batch in texts:
        beginnings = pc.utf8_slice_codeunits(pc.ascii_ltrim(batch, " \t\n\f\r"), 0, len("31/12/"))
        parts = pc.extract_regex(pc.unique(beginnings), r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.]")
        day_first |= _proves_a_day(pc.struct_field(parts, "a"))
        month_first |= _proves_a_day(pc.struct_field(parts, "b"))
    return day_first, month_first


def _proves_a_day(texts: pa.Array) -> bool:
    numbers = pc.unique(texts).cast(pa.int64())
    is_day = pc.and_(pc.greater(numbers, 12), pc.less_equal(numbers, _MOST_DAYS))
    return pc.any(is_day).as_py() is True
