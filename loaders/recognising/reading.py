"""How a file is read, as the ledger keeps it and staging views follow it."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from loaders.layouts import Layout
from loaders.recognising.lengths import CALENDAR_LENGTHS, as_adjective, clock_length
from loaders.recognising.times import Form, moments
from warehouse.exchanges import known_exchanges

_CONTRACT_PARTS = ("underlying", "expiry", "strike", "option_type")  # as one says them


@dataclass(frozen=True)
class Reading:
    """How a file of anybody's layout is read.

    Attributes
    ----------
    layout : Layout
        The kind of its rows: bars, trades or quotes.
    columns : tuple of str
        The raw column of each of the file's columns, in the file's order.
    names : tuple of str
        What the file calls them; `column 3` where it has no names.
    delimiter : str
    header_lines : int
        Lines before the first row.
    time : Form
        How it writes its times.
    zone : str or None
        The time zone of its clock; None where the texts say it themselves.
    session_zone : str
        The time zone whose days are its sessions: the exchange's, else that of the file.
    exchange : str
        Our code of the exchange; empty where nobody said it.
    symbol : str or None
        What all rows are of; None where a column says it.
    instrument_type : str or None
        What the symbols name; None where the symbols themselves tell it.
    interval : str or None
        The length of a bar in PostgreSQL's words, such as `00:05:00` or `1 day`.
    label : str or None
        Which end of a bar its stamp is, `start` or `end`; None for days.
    after_label : str
        How much later than its stamp a bar ends, as `00:00:01` where stamps end in 59 seconds.
    expiry : Form or None
        How it writes expiries.
    decimal : str
        `.` or `,`.
    percent : bool
        Whether its implied volatilities are in percent.
    adjusted_for : str
        `none`, `splits` or `dividends`.
    symbol_is_underlying : bool
        Whether the symbol of an option or a future is that of what it is on.
    rank : int
        Its source's rank among those that deliver the same; 100 unless it was said.
    first_rows : tuple of tuple of str
        The first rows, divided; the ledger does not keep them.
    """

    layout: Layout
    columns: tuple[str, ...]
    names: tuple[str, ...]
    delimiter: str
    header_lines: int
    time: Form
    zone: str | None
    session_zone: str
    exchange: str
    symbol: str | None
    instrument_type: str | None
    interval: str | None
    label: str | None
    after_label: str
    expiry: Form | None
    decimal: str
    percent: bool
    adjusted_for: str
    symbol_is_underlying: bool
    rank: int
    first_rows: tuple[tuple[str, ...], ...]

    def kept(self) -> dict[str, Any]:
        """Return what the ledger keeps, as JSON: how each name was read, and all that the rows do not say."""
        kept = asdict(replace(self, layout=None, first_rows=()))  # type: ignore[arg-type]
        del kept["names"], kept["first_rows"]
        kept["layout"] = self.layout.name
        kept["columns"] = dict(zip(self.names, self.columns, strict=True))
        return kept

    def told(self) -> str:
        """Return in a few words how it is read, for whoever loads it."""
        what = self.layout.name
        if self.interval:
            what = f"{as_adjective(self.interval)} bars"
        stamped = f", stamped with their {self.label}" if self.label else ""
        of = f" of {self.symbol}" if self.symbol else ""
        at = f" at {self.exchange}" if self.exchange else ", at no exchange that was said"
        return f"read as {what}{of}{at}{stamped}"

    def preview(self) -> tuple[str, ...]:
        """Return how it is read, and its first rows as they will be read, a line each."""
        used = ", ".join(
            name if name.casefold() == column else f"{name} as {column}" for name, column in self._used()
        )
        lines = [self.told(), f"  columns: {used}"]
        places = {column: place for place, column in enumerate(self.columns)}
        for row in self.first_rows[:3]:
            cells = {column: row[place] for column, place in places.items() if place < len(row)}
            lines.append("  " + "  ".join(self._as_read(cells)))
        return tuple(lines)

    def _used(self) -> list[tuple[str, str]]:
        pairs = zip(self.names, self.columns, strict=True)
        return [(name, column) for name, column in pairs if not column.startswith("extra_")]

    def _as_read(self, cells: dict[str, str]) -> list[str]:
        clock = pa.array([cells["clock"]]) if "clock" in cells else None
        at, zoned = moments(pa.array([cells.get("time", "")]), self.time, clock)
        moment = at[0].as_py()
        shown = [
            " ".join(filter(None, (cells.get("symbol") or self.symbol, *map(cells.get, _CONTRACT_PARTS))))
        ]
        if moment is None:
            return [*shown, f"{cells.get('time', '')}: no time"]
        if self.interval in CALENDAR_LENGTHS and self.label is None:
            zone = UTC if self.time.unit or zoned[0].as_py() else ZoneInfo(self.zone or "UTC")
            shown.append(
                f"session {moment.replace(tzinfo=zone).astimezone(ZoneInfo(self.session_zone)).date()}"
            )
        else:
            zone = ZoneInfo(self.zone or "UTC")
            start = moment.replace(tzinfo=UTC if zoned[0].as_py() else zone)
            if self.label == "end" and self.interval and self.interval not in CALENDAR_LENGTHS:
                start += clock_length(self.after_label) - clock_length(self.interval)
            local = start.astimezone(
                ZoneInfo(known_exchanges()[self.exchange].time_zone if self.exchange else zone.key)
            )
            shown.append(f"{local:%Y-%m-%d %H:%M:%S%z} ({start.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)")
        shown += [
            f"{name} {cells[name]}"
            for name in ("open", "high", "low", "close", "price", "bid", "ask", "size", "volume")
            if cells.get(name)
        ]
        return shown
