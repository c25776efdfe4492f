"""From a file of anybody's layout to how it is read, or to the one question that decides it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.layouts import Layout
from loaders.recognising.facts import DAY, SECOND, Hours, Place, Prices, Spacing, numbers
from loaders.recognising.known_symbols import exchange_of_all, is_option_symbol
from loaders.recognising.layouts import BARS, QUOTES, TRADES, raw_columns
from loaders.recognising.lengths import CALENDAR_LENGTHS, clock_length, clock_text
from loaders.recognising.names import (
    OF_AN_ORDER_BOOK,
    PARTS_OF_AN_OPTION,
    PRICES_OF_A_BAR,
    Named,
    SideBySideError,
    TwoNamesError,
    named,
    plain,
)
from loaders.recognising.reading import Reading
from loaders.recognising.said import answers, names_of_columns
from loaders.recognising.structure import Structure
from loaders.recognising.tables import Table
from loaders.recognising.times import Form, forms_of, is_clock, moments, order_evidence
from warehouse.errors import TickmartError
from warehouse.exchange_sessions import regular_hours
from warehouse.exchanges import known_exchanges

# More rows than this whose high lies below their low, or whose time or price cannot be read, are no accident.
_MOST_CROSSED, _MOST_UNREADABLE = 0.001, 0.01
_FEW_ROWS = 3
_MICROSECOND = timedelta(microseconds=1)
_WEEK, _MONTHS = 7, range(28, 32)
_LARGE_VOLATILITY = 3.0
_LAST_RANK = 100
_MIDNIGHT = r"(?:^|[ T])0?0:00(?::00(?:\.0+)?)?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{0,2}))?\s*$"


@dataclass(frozen=True)
class _Times:
    """Which columns say the time, and in which form."""

    places: tuple[int, ...]
    form: Form
    has_clock: bool


def recognise(
    table: Table, structure: Structure, said: Mapping[str, str], file: str, symbol_of_name: str | None = None
) -> Reading:
    """Find out how a file is read.

    Parameters
    ----------
    table : Table
        All its rows.
    structure : Structure
        Its names and first rows.
    said : mapping of str to str
        What the user said of it, as `Source.checked_options` returns it.
    file : str
        Its name, for messages; it decides nothing.
    symbol_of_name : str or None
        The symbol that its name gives, where it is one of several files of one symbol each.

    Raises
    ------
    TickmartError
        Something decides how it is read that neither the file nor the user says; the message asks for it. Or
        the file contradicts itself.
    """
    return _Recogniser(table, structure, answers(said), file, symbol_of_name).reading()


class _Recogniser:
    def __init__(
        self, table: Table, structure: Structure, said: dict[str, Any], file: str, symbol_of_name: str | None
    ) -> None:
        self.table = table
        self.structure = structure
        self.said = said
        self.file = file
        self.symbol_of_name = symbol_of_name
        numbered = tuple(f"column {place + 1}" for place in range(structure.width))
        self.shown = (
            structure.names if structure.names and len(structure.names) == structure.width else numbered
        )

    def reading(self) -> Reading:
        fields = self._fields()
        layout = self._layout(fields)
        if not self.structure.rows:
            return self._without_rows(fields, layout)
        times = self._times(fields)
        fields = self._with_times(fields, times)
        symbol, exchange = self._symbol_and_exchange(fields)
        times = self._in_order(times)
        zone = self._zone(times, exchange)
        decimal = self._decimal(fields)
        facts = self._facts(fields, times, zone, exchange, decimal, layout)
        interval, label, after = (None, None, "00:00:00")
        if layout is BARS:
            interval, label, after = self._bars(facts, exchange)
        form, zone, session_zone = times.form, None if facts.zoned else zone, facts.local
        if interval in CALENDAR_LENGTHS and facts.midnights:
            # a day that is written as a midnight is that date, whose midnight it may be
            form, zone = (form, None) if form.unit else (form.of_days(), facts.local)
            session_zone = "UTC" if form.unit else facts.local
        return Reading(
            layout=layout,
            columns=raw_columns(layout, fields.fields),
            names=tuple(self.shown),
            delimiter=self.structure.delimiter,
            header_lines=self.structure.header_lines,
            time=form,
            zone=zone,
            session_zone=session_zone,
            exchange=exchange,
            symbol=symbol,
            instrument_type=self._type(fields, exchange),
            interval=interval,
            label=label,
            after_label=after,
            expiry=self._expiry(fields),
            decimal=decimal,
            percent=self._percent(facts),
            adjusted_for=self.said.get("adjusted", "none"),
            symbol_is_underlying=facts.symbol_is_underlying,
            rank=int(self.said.get("rank", _LAST_RANK)),
            first_rows=self.structure.rows[:3],
        )

    def _without_rows(self, fields: Named, layout: Layout) -> Reading:
        """Return how a file of names alone is read: nothing of it is, and the file may grow."""
        return Reading(
            layout=layout,
            columns=raw_columns(layout, fields.fields),
            names=tuple(self.shown),
            delimiter=self.structure.delimiter,
            header_lines=self.structure.header_lines,
            time=Form("no rows"),
            zone=None,
            session_zone="UTC",
            exchange="",
            symbol=None,
            instrument_type=None,
            interval=None,
            label=None,
            after_label="00:00:00",
            expiry=None,
            decimal=".",
            percent=False,
            adjusted_for="none",
            symbol_is_underlying=False,
            rank=_LAST_RANK,
            first_rows=(),
        )

    def _question(self, what: str, how: str) -> TickmartError:
        return TickmartError(f"{self.file}: {what}. {how}")

    # which column is what

    def _fields(self) -> Named:
        width, names = self.structure.width, self.structure.names
        if names is not None and "columns" not in self.said and len(names) != width:
            raise self._question(
                f"its header has {len(names)} names ({_few(names)}), and its rows have {width} fields"
                f" ({_few(self.structure.rows[0])})",
                f"Say which fields they are: --columns {_blank_columns(width)}",
            )
        try:
            given = names_of_columns(self.said, names, width)
        except ValueError as error:
            raise TickmartError(f"{self.file}: {error}") from error
        if given is not None:
            return Named(tuple(given))
        if names is None:
            raise self._question(
                f"it has no line of names; its rows begin {_few(self.structure.rows[0])}",
                f"Say which fields they are: --columns {_blank_columns(width)}",
            )
        try:
            return named(names)
        except TwoNamesError as error:
            raise self._question(
                f"{' and '.join(error.names)} may each be the {error.field.replace('_', ' ')}",
                "Say which counts: --columns with - for the other, or --guess FILE for a mapping to edit",
            ) from error
        except SideBySideError as error:
            raise self._question(
                f"bars of {', '.join(error.prefixes)} stand side by side in one line",
                "Say which one to read: --columns, with - for the columns of the others, and --symbol",
            ) from error

    def _layout(self, fields: Named) -> Layout:
        told_by = [name for name in self.shown if plain(name) in OF_AN_ORDER_BOOK]
        if told_by and "columns" not in self.said:
            raise self._question(
                f"its rows are changes of an order book, as {_few(told_by)} says, not trades",
                "Nothing here takes those yet; if they are trades, say --columns",
            )
        parts = [field for field in PARTS_OF_AN_OPTION if fields.has(field)]
        if set(parts) & {"strike", "option_type"} and "expiry" not in parts:
            raise self._question(
                "its rows have strikes or types of options and no expiry",
                "Add a column with the expiry, or give one symbol for each contract",
            )
        if fields.has(*PRICES_OF_A_BAR):
            return BARS
        if parts and (fields.has("bid", "ask") or fields.has("price")):
            raise self._question(
                "prints of contracts whose parts stand in columns are not read",
                "Give one symbol for each contract, such as AAPL250321C00150000",
            )
        if fields.has("bid", "ask") and not fields.has("price") and not fields.has("close"):
            return QUOTES
        if fields.has("price", "size") or fields.has("close", "size"):
            return TRADES
        if (fields.has("price") or fields.has("close")) and not set(fields.fields) & set(PARTS_OF_AN_OPTION):
            return BARS  # one price at a time: the close of a bar whose open, high and low nobody told
        found = [name for name, field in zip(self.shown, fields.fields, strict=True) if not field]
        raise self._question(
            "it holds neither bars (open, high, low, close), trades (price, size) nor quotes (bid, ask):"
            f" nobody knows what {_few(found) if found else 'its columns'} may be",
            f"Say which fields they are: --columns {_blank_columns(len(fields.fields))}",
        )

    # times

    def _times(self, fields: Named) -> _Times:
        candidates = [*fields.places("time"), *fields.places("clock")]
        values = {place: self._column(place) for place in candidates}
        forms = {place: forms_of(values[place]) for place in candidates}
        clocks = [place for place in candidates if not forms[place] and is_clock(values[place])]
        moments_at = [
            place for place in candidates if forms[place] and _has_clock(values[place], forms[place])
        ]
        days_at = [place for place in candidates if forms[place] and place not in moments_at]
        if len(moments_at) > 1:
            moments_at = self._same_moments(moments_at, forms, values)
        unread = [
            place
            for place in fields.places("time")
            if values[place] and not forms[place] and place not in clocks
        ]
        if unread and fields.has("time") and "columns" not in self.said:
            raise self._question(
                f"{self.shown[unread[0]]} ({values[unread[0]][0]}) is called as a time is and not read so",
                "Write times as 09:30, or say --columns with - for it",
            )
        if moments_at:
            return _Times((moments_at[0],), forms[moments_at[0]][0], True)
        if len(days_at) == 1 and len(clocks) == 1:
            return _Times((days_at[0], clocks[0]), forms[days_at[0]][0], True)
        if len(days_at) == 1 and not clocks:
            return _Times((days_at[0],), forms[days_at[0]][0], False)
        if clocks and not days_at:
            raise self._question(
                f"its rows say a time of day ({self.shown[clocks[0]]}: {values[clocks[0]][0]}) and no date",
                "Add a column with the date, or say which column has it: --columns",
            )
        if len(days_at) > 1:
            raise self._question(
                f"{' and '.join(self.shown[place] for place in days_at)} may each be the time",
                "Say which counts: --columns with - for the other",
            )
        what = (
            f"no value of {' or of '.join(self.shown[place] for place in candidates)} is read as a time"
            f" (the first: {values[candidates[0]][0] if values[candidates[0]] else 'nothing'})"
            if candidates
            else f"none of its columns ({_few(self.shown)}) is called as a time is"
        )
        raise self._question(what, f"Say which column has it: --columns {_blank_columns(len(fields.fields))}")

    def _same_moments(
        self, places: Sequence[int], forms: Mapping[int, list[Form]], values: Mapping[int, Sequence[str]]
    ) -> list[int]:
        """Return the column that says most of several that say the same moments."""
        read = {}
        for place in places:
            at, zoned = moments(pa.array(values[place], pa.string()), forms[place][0])
            read[place] = (at, pc.all(zoned).as_py())
        first, *others = sorted(places, key=lambda place: (not read[place][1], place))
        apart = [
            pc.max(
                pc.abs(pc.subtract(read[first][0].cast(pa.int64()), read[other][0].cast(pa.int64())))
            ).as_py()
            for other in others
        ]
        if any(gap is None or gap >= SECOND for gap in apart):
            raise self._question(
                f"{' and '.join(self.shown[place] for place in places)} may each be the time, and differ",
                "Say which counts: --columns with - for the other",
            )
        return [first]

    def _in_order(self, times: _Times) -> _Times:
        """Return the times with day and month in the order that a date of the whole file proves."""
        if not times.form.leaves_the_order_open:
            return times
        if self.said.get("dayfirst") and self.said.get("monthfirst"):
            raise self._question("day and month cannot both come first", "Say --dayfirst or --monthfirst")
        if "short year" in times.form.name and not (self.said.get("dayfirst") or self.said.get("monthfirst")):
            raise self._question(
                f"its dates ({self._column(times.places[0])[0]}) have two figures where the year may be",
                "Write years with four, or say --dayfirst or --monthfirst where the year comes last",
            )
        texts = (batch[0] for batch in self.table.batches([times.places[0]]))
        day_first, month_first = order_evidence(texts)
        if day_first and month_first:
            raise self._question(
                f"some dates of {self.shown[times.places[0]]} have a day above 12 first, others second",
                "Make them one order, or load the files apart",
            )
        orders = (("dayfirst", day_first, month_first), ("monthfirst", month_first, day_first))
        for said, _, other in orders:
            if self.said.get(said) and other:
                raise self._question(
                    f"--{said} contradicts its dates, in which the other comes first", "Leave it out"
                )
        for said, proven, _ in orders:
            if self.said.get(said) or proven:
                wants_day = said == "dayfirst"
                is_day = times.form.name.startswith("day")
                return _Times(
                    times.places,
                    times.form if wants_day == is_day else times.form.other_order(),
                    times.has_clock,
                )
        raise self._question(
            f"no date of it shows whether {self._column(times.places[0])[0]} has the day or the month first",
            "Say --dayfirst or --monthfirst",
        )

    def _zone(self, times: _Times, exchange: str) -> str | None:
        """Return the zone of clocks that name none."""
        if "timezone" in self.said:
            return str(self.said["timezone"])
        if any(
            "utc" in plain(self.shown[place]) or "gmt" in plain(self.shown[place]) for place in times.places
        ):
            return "UTC"
        if exchange:
            return known_exchanges()[exchange].time_zone
        if times.form.unit or not times.has_clock:
            return "UTC"
        sample = self._column(times.places[0])
        _, zoned = moments(pa.array(sample, pa.string()), times.form)
        if len(times.places) == 1 and pc.all(zoned).as_py():
            return "UTC"
        raise self._question(
            f"its times ({sample[0]}) name no time zone",
            "Say where it trades, --exchange NASDAQ, or whose clock it is, --timezone America/New_York",
        )

    # what it is of

    def _symbol_and_exchange(self, fields: Named) -> tuple[str | None, str]:
        said = self.said.get("symbol")
        has_column = fields.has("symbol") or fields.has("underlying")
        if said and has_column:
            raise self._question(
                f"its rows name their symbol themselves, and --symbol says {said}", "Leave --symbol out"
            )
        symbol = said or (
            None if has_column else self.structure.symbol or fields.prefix or self.symbol_of_name
        )
        if symbol is None and not has_column:
            hint = next(
                (line.strip("# ") for line in self.structure.comments if "ticker" in line.lower()), ""
            )
            raise self._question(
                "nothing says what its rows are of" + (f" (a comment says: {hint})" if hint else ""),
                "Say it: --symbol AAPL",
            )
        exchange = str(self.said.get("exchange", ""))
        if not exchange:
            places = fields.places("underlying") or fields.places("symbol")
            names = [symbol] if symbol else self._column(places[0])
            exchange = exchange_of_all(names) or ""
            if exchange and not symbol and exchange_of_all(self._distinct(places[:1])) != exchange:
                exchange = ""
        return symbol, exchange

    def _type(self, fields: Named, exchange: str) -> str | None:
        if "type" in self.said:
            return str(self.said["type"])
        if fields.has(*PARTS_OF_AN_OPTION):
            return "option"
        if fields.has("expiry") and not set(fields.fields) & {"strike", "option_type"}:
            return "future"
        if exchange and known_exchanges()[exchange].trades_round_the_clock:
            return "crypto"
        return None

    def _expiry(self, fields: Named) -> Form | None:
        if not fields.has("expiry"):
            return None
        place = fields.places("expiry")[0]
        forms = forms_of(self._column(place))
        if not forms:
            raise self._question(
                f"no value of {self.shown[place]} is read as a date", "Say --columns with - for it"
            )
        return self._in_order(_Times((place,), forms[0], False)).form

    def _decimal(self, fields: Named) -> str:
        if "decimal" in self.said:
            return "," if self.said["decimal"] == "comma" else "."
        places = [place for field in ("close", "price", "bid") for place in fields.places(field)]
        if not any("," in text for text in self._column(places[0])):
            return "."  # the pass over the whole file looks for commas, too
        prices = Prices()
        for (texts,) in self.table.batches(places[:1]):
            prices.look_for_signs(_filled(texts))
        if prices.decimal_commas and not prices.decimal_points:
            return ","
        if prices.decimal_commas and prices.decimal_points:
            raise self._question(
                "some prices have a decimal comma, others a decimal point", "Make them one, or say --decimal"
            )
        if prices.open_commas and not prices.decimal_points:
            raise self._question(
                "no price shows whether a comma ends the whole or groups its thousands",
                "Say --decimal point or comma",
            )
        return "."

    # the whole file

    def _facts(
        self, fields: Named, times: _Times, zone: str | None, exchange: str, decimal: str, layout: Layout
    ) -> "_Facts":
        facts = _Facts(exchange, zone, times, decimal, layout is BARS)
        facts.look_at_all(self.table, fields)
        rows = facts.prices.rows
        if not rows:
            return facts
        if decimal == "." and facts.prices.decimal_commas:
            raise self._question(
                f"{facts.prices.decimal_commas:,} of {rows:,} prices have a decimal comma, others none",
                "Make them one, or say --decimal comma",
            )
        if facts.mixed_zones:
            raise self._question(
                "some of its times name a time zone, others do not", "Make them one, or load the files apart"
            )
        spare = [name for name, field in zip(self.shown, fields.fields, strict=True) if not field and name]
        is_price_alone = layout is BARS and not fields.has("high")
        if facts.spacing.conflicting > max(_MOST_UNREADABLE * rows, 1) and (spare or is_price_alone):
            raise self._question(
                f"{facts.spacing.conflicting:,} of {rows:,} rows have symbol and time of another row, and"
                " another price" + (f"; perhaps {_few(spare)} tells them apart" if spare else ""),
                "Load apart what it tells apart; of trades, say --columns with price and size",
            )
        if facts.unreadable > max(_MOST_UNREADABLE * rows, min(_FEW_ROWS, rows / 2)):
            raise self._question(
                f"{facts.unreadable:,} of {rows:,} times are not of the form of the first"
                f" ({times.form.name}), such as {facts.an_unreadable}",
                "Make them one form, or load the files apart",
            )
        if rows - facts.prices.numbers > max(
            _MOST_UNREADABLE * rows, min(_FEW_ROWS, rows / 2), facts.blank_prices
        ):
            raise self._question(
                f"{rows - facts.prices.numbers:,} of {rows:,} prices are no numbers",
                f"Say which columns hold them: --columns {_blank_columns(len(fields.fields))}",
            )
        if facts.prices.high_below_low > max(_MOST_CROSSED * rows, 1) and "columns" not in self.said:
            raise self._question(
                f"the high lies below the low in {facts.prices.high_below_low:,} of {rows:,} rows: its"
                " columns are not what they are called",
                f"Say which is which: --columns {_blank_columns(len(fields.fields))}",
            )
        return facts

    def _percent(self, facts: "_Facts") -> bool:
        """Whether implied volatilities are in percent: nothing trades at 300 %, and nothing at 0.03."""
        if "volatility" in self.said:
            return bool(self.said["volatility"] == "percent")
        if facts.volatilities and 0 < facts.large_volatilities < facts.volatilities * (1 - _MOST_UNREADABLE):
            raise self._question(
                f"{facts.large_volatilities:,} of {facts.volatilities:,} implied volatilities are above 3:"
                " nobody can say whether 0.5 is a half or half a percent",
                "Say --volatility percent or --volatility fraction",
            )
        return facts.large_volatilities > 0

    def _bars(self, facts: "_Facts", exchange: str) -> tuple[str, str | None, str]:
        """Return the length of its bars, which end a stamp is, and how far after the stamp a bar ends."""
        usual = facts.spacing.usual()
        said = self.said.get("interval")
        if usual is None:
            return self._days(facts, said)
        if facts.place.is_shifted() and "timezone" not in self.said:
            raise self._question(
                f"most of its days begin and end more than an hour beside the sessions of {exchange}",
                "Say whose clock its times are: --timezone UTC, or that of the exchange",
            )
        if said is not None and (said in CALENDAR_LENGTHS or usual % (clock_length(said) // _MICROSECOND)):
            raise self._question(
                f"its bars lie {_length(usual)} apart, and --interval says {said}", "Leave --interval out"
            )
        others = facts.spacing.others()
        if others and said is None:
            apart = ", ".join(_length(apart) for apart in (usual, *others))
            raise self._question(
                f"its bars lie {apart} apart, symbol by symbol",
                "Load each length apart, or say --interval 1m",
            )
        if usual % SECOND or usual >= DAY:
            raise self._question(
                f"its bars lie {usual / SECOND:g} seconds apart", "Say how long a bar is: --interval 1m"
            )
        interval = said or clock_text(usual // SECOND)
        before_full = {-moment % (60 * SECOND) for moment in facts.place.ends_of_seconds}
        stamped_before = before_full and all(0 < moment <= SECOND for moment in before_full)
        if stamped_before and len(before_full) == 1:
            return interval, "end", _fraction_text(before_full.pop())
        if "label" in self.said:
            return interval, str(self.said["label"]), "00:00:00"
        if exchange and known_exchanges()[exchange].trades_round_the_clock:
            return interval, "start", "00:00:00"
        label = facts.place.label(usual)
        if label is None:
            why = (
                f"{len(facts.place.at_open):,} of {len(facts.place.days):,} days have a bar at the open,"
                f" {len(facts.place.at_close):,} at the close"
                if exchange
                else "the hours of its sessions are not known"
            )
            raise self._question(
                f"nothing proves whether a bar's time is its start or its end ({why})",
                "Say --label start or --label end: a wrong one looks ahead",
            )
        return interval, label, "00:00:00"

    def _days(self, facts: "_Facts", said: str | None) -> tuple[str, str | None, str]:
        """Return the length of bars of which no day has two."""
        if said is not None:
            return str(said), None if said == "1 day" else self.said.get("label"), "00:00:00"
        between = facts.spacing.between_days
        if not between and facts.times.has_clock and len(facts.place.times_of_day) > 1:
            raise self._question("no two of its bars are of one day", "Say how long a bar is: --interval 1d")
        usual = between.most_common(1)[0][0] if between else 1
        if usual == 1:
            return "1 day", None, "00:00:00"
        if usual == _WEEK or usual in _MONTHS:
            length = "weeks" if usual == _WEEK else "months"
            raise self._question(
                f"its bars lie {usual} days apart, as bars of {length} do",
                "Say --interval, and --label start or end",
            )
        raise self._question(f"its bars lie {usual} days apart", "Say how long a bar is: --interval 1d")

    # small helpers

    def _with_times(self, fields: Named, times: _Times) -> Named:
        chosen = dict(zip(times.places, ("time", "clock"), strict=False))
        return Named(
            tuple(
                chosen.get(place, "" if field in ("time", "clock") else field)
                for place, field in enumerate(fields.fields)
            ),
            fields.prefix,
        )

    def _column(self, place: int) -> list[str]:
        width = self.structure.width
        return [row[place] for row in self.structure.rows if len(row) == width and row[place]]

    def _distinct(self, places: Sequence[int]) -> list[str]:
        if not places:
            return []
        found: set[str] = set()
        for (texts,) in self.table.batches(places):
            found.update(
                text for text in pc.unique(pc.utf8_trim_whitespace(_filled(texts))).to_pylist() if text
            )
            if len(found) > 50:
                break
        return sorted(found)


class _Facts:
    """What one pass over the whole file shows."""

    def __init__(self, exchange: str, zone: str | None, times: _Times, decimal: str, of_bars: bool) -> None:
        self.times = times
        self.of_bars = of_bars
        self.decimal = decimal
        self.zone = zone or "UTC"
        self.local = known_exchanges()[exchange].time_zone if exchange else self.zone
        self.spacing = Spacing()
        self.place = Place(_hours(exchange, self.local) if times.has_clock else None)
        self.prices = Prices()
        self.unreadable = 0
        self.an_unreadable = ""
        self.blank_prices = 0
        self.zoned: bool | None = None
        self.mixed_zones = False
        self.symbol_is_underlying = False
        self.volatilities = 0
        self.large_volatilities = 0
        self.midnights = True

    def look_at_all(self, table: Table, fields: Named) -> None:
        price = next(field for field in ("close", "price", "bid") if fields.has(field))
        wanted = {name: fields.places(name)[0] for name in ("high", "low") if fields.has("high", "low")}
        keys = [
            place for field in ("symbol", "underlying", *PARTS_OF_AN_OPTION) for place in fields.places(field)
        ]
        volatility = fields.places("vendor_implied_volatility")[:1]
        places = [*self.times.places, fields.places(price)[0], *wanted.values(), *keys, *volatility]
        symbols: set[str] = set()
        contracts: set[str] = set()
        for batch in table.batches(places):
            texts = [_filled(column) for column in batch]
            stamps, rest = texts[: len(self.times.places)], texts[len(self.times.places) :]
            at = self._moments(*stamps)
            self.midnights = self.midnights and self._are_midnights(stamps, at)
            self.blank_prices += pc.sum(pc.equal(pc.utf8_trim_whitespace(rest[0]), "")).as_py() or 0
            high, low = rest[1:3] if wanted else (None, None)
            prices = self.prices.look_at(rest[0], high, low, self.decimal)
            key_texts = rest[1 + len(wanted) : 1 + len(wanted) + len(keys)]
            if volatility:
                told = numbers(rest[-1], self.decimal)
                told = told.filter(pc.fill_null(pc.greater(told, 0), False))
                self.volatilities += len(told)
                self.large_volatilities += pc.sum(pc.greater(told, _LARGE_VOLATILITY)).as_py() or 0
            key = pc.binary_join_element_wise(*key_texts, "|") if len(key_texts) > 1 else None
            key = key_texts[0] if len(key_texts) == 1 else key
            if fields.has("symbol", *PARTS_OF_AN_OPTION) and len(contracts) < 10_000:
                symbols.update(pc.unique(key_texts[0]).to_pylist())
                contracts.update(pc.unique(key).to_pylist())
            if self.of_bars:
                readable = pc.is_valid(at)
                local = self._local(at.filter(readable))
                self.spacing.look_at(
                    key.filter(readable) if key is not None else None,
                    local,
                    pc.fill_null(prices, float("nan")).filter(readable).to_numpy(zero_copy_only=False),
                )
                self.place.look_at(local)
        if contracts:
            self.symbol_is_underlying = len(symbols) < len(contracts) or not all(
                map(is_option_symbol, symbols)
            )

    def _moments(self, dates: pa.Array, clocks: pa.Array | None = None) -> pa.Array:
        at, zoned = moments(dates, self.times.form, clocks)
        blank = pc.is_null(at)
        missing = pc.sum(blank).as_py() or 0
        if missing:
            self.unreadable += missing
            self.an_unreadable = self.an_unreadable or repr(dates.filter(blank)[0].as_py())
        told = zoned.filter(pc.invert(blank))
        if len(told):
            some, every = pc.any(told).as_py(), pc.all(told).as_py()
            self.mixed_zones |= some != every or (self.zoned is not None and self.zoned != every)
            self.zoned = every
        if not self.zoned and self.times.has_clock:
            # by the clock of the file's zone; hours that a clock change repeats are judged in the build
            at = pc.assume_timezone(at, self.zone, ambiguous="earliest", nonexistent="earliest")
            at = at.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).cast(pa.timestamp("us"))
        return at

    def _are_midnights(self, stamps: list[pa.Array], at: pa.Array) -> bool:
        """Whether all times are midnights by the clock that wrote them; that of counts is UTC."""
        if self.times.form.unit:
            whole = at.drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False) % DAY == 0
            return bool(whole.all())
        if not self.times.has_clock:
            return True
        told = stamps[-1].filter(pc.is_valid(at))
        return bool(pc.all(pc.match_substring_regex(told, _MIDNIGHT)).as_py() is not False)

    def _local(self, at: pa.Array) -> np.ndarray:
        """Microseconds since 1970 by the clock of the exchange, or of the file where none is known."""
        if self.times.has_clock:
            at = pc.local_timestamp(
                at.cast(pa.int64()).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", self.local))
            )
        local: np.ndarray = at.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return local


def _hours(exchange: str, zone: str) -> Callable[[date, date], Hours] | None:
    """Return what gives the hours of an exchange's sessions by its own clock."""
    if not exchange or known_exchanges()[exchange].trades_round_the_clock:
        return None
    local = ZoneInfo(zone)

    def hours(first: date, last: date) -> dict[date, tuple[datetime, datetime]]:
        return {
            day: (opens.astimezone(local), closes.astimezone(local))
            for day, opens, closes in regular_hours(exchange, first, last)
        }

    return hours


def _has_clock(values: Sequence[str], forms: Sequence[Form]) -> bool:
    if forms[0].unit:
        return True
    at, _ = moments(pa.array(values, pa.string()), forms[0])
    return any(":" in value for value in values) or bool(
        np.any(at.drop_null().cast(pa.int64()).to_numpy() % DAY != 0)
    )


def _filled(texts: pa.Array) -> pa.Array:
    return pc.fill_null(texts, "")


def _few(cells: Iterable[str]) -> str:
    told = list(cells)
    return ", ".join(told[:6]) + (", …" if len(told) > 6 else "")


def _blank_columns(width: int) -> str:
    return ",".join(["time,open,high,low,close,volume", *["-"] * (width - 6)]) if width >= 6 else "time,…"


def _length(microseconds: int) -> str:
    seconds = microseconds / SECOND
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"


def _fraction_text(microseconds: int) -> str:
    return f"00:00:{microseconds // SECOND:02}.{microseconds % SECOND:06}".rstrip("0").rstrip(".")
