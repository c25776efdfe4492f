"""Trace a mart row back to the lines of vendor files that it was made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from warehouse.errors import TickmartError
from warehouse.exchanges import known_exchanges, zone_of

# Bars of any length and source, each with its own load and line.
_ANY = "market_data"
# instrument type -> interval -> mart
MARTS = {
    "option": {
        "minute": "options_ticks",
        "hour": "options_hourly",
        "day": "options_daily",
        "snapshot": "option_snapshots",
        "any": _ANY,
    },
    "future": {"minute": "futures_ticks", "hour": "futures_hourly", "day": "futures_daily", "any": _ANY},
    "index": {"minute": "spot_prices", "hour": "spot_hourly", "day": "spot_daily", "any": _ANY},
    "equity": {"day": "equity_daily", "any": _ANY, "finest": "equity_ticks"},
    "currency": {"any": _ANY},
    "crypto": {"any": _ANY},
    "unknown": {"any": _ANY},
}
_MINUTES = {
    "option": "int_options__quotes_deduped",
    "future": "int_futures__quotes_deduped",
    "index": "int_spot__prices_deduped",
}
_DAYS = {
    "option": ("int_options__bars_daily", "int_fo_bhavcopy__deduped"),
    "future": ("int_futures__bars_daily", "int_fo_bhavcopy__deduped"),
    "index": ("int_spot__prices_daily", "int_spot__closes_deduped", "int_fo_bhavcopy__deduped"),
}
_OTHER_BARS = "int_bars__deduped"
# shape -> its rows as identified
_IDENTIFIED = {
    "bars": "int_bars__identified",
    "contract_days": "int_fo_bhavcopy__identified",
    "share_days": "int_cash_bhavcopy__identified",
    "index_days": "int_index_closes__identified",
    "chain_snapshots": "int_option_chain__identified",
}
_SNAPSHOTS = "int_options__snapshots_deduped"
# Shapes whose rows are of a moment. When superseded or quarantined, they are shown only beside rows of such
# shapes.
_OF_A_MOMENT = ["chain_snapshots"]
_WHAT_IT_IS = {
    "option": "an option",
    "future": "a future",
    "index": "an index",
    "equity": "an equity",
    "currency": "a pair of currencies",
    "crypto": "a coin",
    "unknown": "of no known kind",
}
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_MOST_SHOWN = 20
_MOST_EARLIER_LOADS = 3
_NAMES_OFFERED = 6


class LinesOfFile(Protocol):
    """What was read back of a file.

    Attributes
    ----------
    texts : dict of int to str
        The line of each number, without its end.
    problem : str or None
        Why there are none: the file is gone, holds other bytes now, or has no lines.
    """

    @property
    def texts(self) -> dict[int, str]: ...  # noqa: D102

    @property
    def problem(self) -> str | None: ...  # noqa: D102


class Files(Protocol):
    """What only those who load files know of them."""

    def lines(self, load: dict[str, Any], numbers: Iterable[int]) -> LinesOfFile:
        """Read lines of a load's file back, numbered from 1 with the header."""

    def columns(self, load: dict[str, Any]) -> Sequence[str]:
        """Return the columns of the load's raw table in the order of its layout."""


@dataclass(frozen=True)
class Subject:
    """What a row is about.

    Attributes
    ----------
    symbol : str
        As the marts have it.
    instrument_type : str
        A key of `MARTS`.
    contract_id : int or None
        None for what is not a contract.
    exchange : str
        Our code for it; empty where none is stated.
    """

    symbol: str
    instrument_type: str
    contract_id: int | None = None
    exchange: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of its exchange; UTC without one."""
        return zone_of(self.exchange)

    @property
    def key(self) -> sql.Composable:
        """The condition that finds it in an intermediate model of bars, or of a share's official days."""
        if self.contract_id is not None:
            return sql.SQL("contract_id = {}").format(sql.Literal(self.contract_id))
        return self._named_by("symbol" if self.instrument_type == "equity" else "underlying")

    @property
    def key_of_bars(self) -> sql.Composable:
        """The condition that finds it in a model of bars of any instrument."""
        return self.key if self.contract_id is not None else self._named_by("underlying")

    @property
    def key_of_mart(self) -> sql.Composable:
        """The condition that finds it in a mart of bars."""
        return self.key if self.contract_id is not None else self._named_by("symbol")

    @property
    def key_of_set_aside(self) -> sql.Composable:
        """The condition that finds it among superseded and quarantined rows.

        Official days name shares with their series.
        """
        if self.instrument_type == "equity":
            return sql.SQL("(starts_with(vendor_symbol, {}) or underlying = {})").format(
                _literal(f"{self.symbol} "), _literal(self.symbol)
            )
        if self.contract_id is None:
            return sql.SQL("underlying = {}").format(_literal(self.symbol))
        return self.key

    def _named_by(self, column: str) -> sql.Composable:
        return sql.SQL("{} = {} and exchange = {}").format(
            sql.Identifier(column), _literal(self.symbol), _literal(self.exchange)
        )


@dataclass(frozen=True)
class Origin:
    """The rows of one load that a mart row was made from.

    Attributes
    ----------
    load : dict
        The load: `load_id`, `source`, `uri`, `sha256`, `loaded_at`, `layout` and what it replaced.
    rows : int
        How many; of more than one the first and the last are shown.
    lines : list of dict
        `line` (number in the file), `text` and `text_from` (the file, or the raw table and why not the file).
    """

    load: dict[str, Any]
    rows: int
    lines: list[dict[str, Any]]


@dataclass
class Trace:
    """A place in a mart, traced back.

    Attributes
    ----------
    mart : str
    rows : list of tuple
        The mart's rows, each with its origins; a day may have one official and one built from minutes.
    set_aside : list of dict
        Rows of files for the same bar that are not in the mart: superseded, restated or quarantined, and why.
    rejects : list of dict
        Lines of the same files that could not be landed and name the same symbol.
    """

    mart: str
    rows: list[tuple[dict[str, Any], list[Origin]]] = field(default_factory=list)
    set_aside: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)


def _literal(name: str) -> sql.Composable:
    """Return a name as SQL that keeps its percent signs where parameters are bound beside it."""
    parts = [sql.Literal(part) for part in name.split("%")]
    return sql.SQL("({})").format(sql.SQL(" || chr(37) || ").join(parts))


def parse_time(text: str) -> date | datetime:
    """Read a session's date, or a moment; a moment without a zone is in the exchange's own time.

    Raises
    ------
    TickmartError
        It is neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return _of_a_market(day, text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TickmartError(
            f"cannot read the time {text!r}. Write 2025-03-12T12:30 (the exchange's time), 2025-03-12T07:00Z,"
            " or 2025-03-12 for a daily row"
        ) from None
    return _of_a_market(moment, text)


def _at_the_exchange(subject: Subject, when: date | datetime) -> date | datetime:
    if not isinstance(when, datetime):
        return when
    # always in that zone: the database takes no zone that is sixteen hours away
    return when.astimezone(subject.zone) if when.tzinfo else when.replace(tzinfo=subject.zone)


def _of_a_market[When: (date, datetime)](when: When, text: str) -> When:
    # beyond these years another zone's time may be in no year at all
    if not _FIRST_YEAR <= when.year <= _LAST_YEAR:
        raise TickmartError(f"no market has data of {text}: say a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return when


def find_subject(connection: psycopg2.extensions.connection, name: str, mart: str | None = None) -> Subject:
    """Find what a symbol means: ours, with or without the exchange (`.NSE`), the exchange's or a vendor's.

    One with nothing behind its point (`NIFTY.`) is that of which nobody states the exchange.

    Parameters
    ----------
    connection : psycopg2 connection
    name : str
    mart : str or None
        The mart asked for. A share with derivatives is in `spot_daily` too; without a mart it is a share.

    Raises
    ------
    TickmartError
        Nothing has this symbol, or several have; the message names some.
    """
    wanted = name.strip().upper()
    symbol, point, exchange = wanted.rpartition(".")
    says_exchange = bool(point) and (not exchange or exchange in known_exchanges())
    own = symbol if says_exchange else wanted
    with connection.cursor() as cursor:
        cursor.execute(
            "select symbol, instrument_type, contract_id, exchange from intermediate.int_contracts__described"
            " where symbol = %(own)s or exchange_symbol = %(own)s"
            " union"
            " select contracts.symbol, contracts.instrument_type, contracts.contract_id, contracts.exchange"
            " from intermediate.int_contracts__registered as registered"
            " inner join intermediate.int_contracts__described as contracts using (contract_id)"
            " where registered.vendor_symbol = %(given)s"
            " union"
            " select underlying, 'index', null, exchange from intermediate.int_spot__prices_daily"
            " where underlying = %(own)s"
            " union"
            " select underlying, 'index', null, exchange from intermediate.int_spot__official_daily"
            " where underlying = %(own)s and close is not null"
            " union"
            " select underlying, 'index', null, exchange from intermediate.int_spot__closes_deduped"
            " where underlying in (%(own)s, %(given)s)"
            " union"
            " select symbol, 'equity', null, exchange from intermediate.int_equities__official_deduped"
            " where symbol = %(own)s"
            " union"
            " select names.underlying, 'index', null, names.exchange from facts.underlying_names as names"
            " inner join intermediate.int_spot__closes_deduped as closes using (exchange, underlying)"
            " where names.instrument_type = 'index' and names.vendor_name = %(given)s"
            " union"
            " select split_part(set_aside.vendor_symbol, ' ', 1), 'equity', null, slices.exchange"
            " from intermediate.int_quotes__set_aside as set_aside"
            " inner join intermediate.int_loads__slices as slices using (load_id, instrument_type)"
            " where instrument_type = 'equity' and starts_with(set_aside.vendor_symbol, %(own)s || ' ')"
            " union"
            " select underlying, 'index', null, exchange from intermediate.int_symbols__identified"
            " where instrument_type = 'index' and unknown_reason is null and upper(vendor_symbol) = %(given)s"
            " union"
            " select underlying, instrument_type, null, exchange from marts.bar_series"
            " where upper(underlying) = %(own)s and instrument_type not in ('option', 'future')"
            " order by symbol, exchange",
            {"own": own, "given": wanted},
        )
        found = [Subject(*row) for row in cursor.fetchall()]
        if says_exchange:
            found = [subject for subject in found if subject.exchange == exchange]
        if "equity" in (subject.instrument_type for subject in found):
            is_index = mart is not None and mart.removeprefix("marts.") in MARTS["index"].values()
            found = [
                subject for subject in found if (subject.instrument_type == "index") == is_index
            ] or found
        if len(found) == 1:
            return found[0]
        if found:
            symbols = dict.fromkeys(f"{subject.symbol}.{subject.exchange}" for subject in found)
            names = ", ".join([*symbols][:_NAMES_OFFERED])
            raise TickmartError(f"{name} is the name of several; say which: {names}")
        raise TickmartError(_unknown(cursor, own))


def find_mart(subject: Subject, when: date | datetime, mart: str | None) -> tuple[str, str]:
    """Return interval and mart: the asked one, else the finest that the time names.

    Raises
    ------
    TickmartError
        The subject is not in that mart, or the mart needs a time and got a date.
    """
    marts = MARTS[subject.instrument_type]
    has_time = isinstance(when, datetime)
    if mart is None:
        wanted = ("minute", "any") if has_time else ("day", "any")
        interval = next(interval for interval in wanted if interval in marts)
        return interval, marts[interval]
    for interval, name in marts.items():
        if name == mart.removeprefix("marts."):
            if interval not in ("day", "any") and not has_time:
                per = "bar" if interval == "finest" else interval
                raise TickmartError(f"{name} has one row per {per}: give a time too, such as {when}T09:15")
            return interval, name
    raise TickmartError(
        f"{subject.symbol} is {_WHAT_IT_IS[subject.instrument_type]}"
        + f" and not in {mart}; its marts are {', '.join(marts.values())}"
    )


def trace(
    connection: psycopg2.extensions.connection,
    subject: Subject,
    interval: str,
    mart: str,
    when: date | datetime,
    files: Files,
) -> Trace:
    """Trace the rows of a mart at a moment, or of a session, back to their files.

    Parameters
    ----------
    connection : psycopg2 connection
    subject : Subject
    interval, mart : str
        From `find_mart`.
    when : date or datetime
        A moment finds the bar that it lies in, or the last snapshot up to it; without a zone it is in the
        exchange's own time.
    files : Files
        Reads the files that rows came from.

    Raises
    ------
    TickmartError
        There is no such row; the message says what became of the file's row, if there was one, and which bars
        are nearest.
    """
    when = _at_the_exchange(subject, when)
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        rows = _mart_rows(cursor, subject, interval, mart, when)
        if not rows:
            raise TickmartError(_not_there(cursor, subject, interval, mart, when, files))
        found = Trace(mart)
        load_ids: set[int] = set()
        for row in rows:
            lines = _origin_lines(cursor, subject, interval, row)
            load_ids |= {load_id for load_id, _ in lines}
            found.rows.append((row, _origins(cursor, lines, files)))
        found.set_aside = _set_aside(cursor, subject, rows, files)
        found.set_aside += _restated(cursor, subject, rows, load_ids, files)
        found.rejects = _rejects(cursor, subject, load_ids)
    return found


def _date_of(when: date | datetime) -> date:
    return when.date() if isinstance(when, datetime) else when


def _mart_rows(
    cursor: RealDictCursor, subject: Subject, interval: str, mart: str, when: date | datetime
) -> list[dict[str, Any]]:
    table = sql.Identifier("marts", mart)
    if interval == "day":
        cursor.execute(
            sql.SQL(
                "select * from {} where {} and session_date = %s order by is_preferred desc, source"
            ).format(table, subject.key_of_mart),
            (_date_of(when),),
        )
    elif interval == "snapshot":
        cursor.execute(
            sql.SQL(
                "select * from {} where {} and session_date = %(session)s"
                " and timestamp > %(when)s - interval '1 day' and timestamp <= %(when)s"
                " order by timestamp desc limit 1"
            ).format(table, subject.key_of_mart),
            {"when": when, "session": _date_of(when)},
        )
    elif interval == "any" and not isinstance(when, datetime):
        cursor.execute(
            sql.SQL(
                "select * from {} where {} and session_date = %s and bar_interval >= interval '1 day'"
                " order by bar_interval, is_preferred desc, source"
            ).format(table, subject.key_of_mart),
            (when,),
        )
    elif interval == "any":
        cursor.execute(
            sql.SQL(
                "select * from {} where {} and bar_start > %(when)s - interval '32 days'"
                " and bar_start <= %(when)s and bar_end > %(when)s"
                " order by bar_interval, is_preferred desc, source"
            ).format(table, subject.key_of_mart),
            {"when": when},
        )
    else:
        cursor.execute(
            sql.SQL(
                "select * from {} where {} and bar_start > %(when)s - interval '1 day'"
                " and bar_start <= %(when)s and bar_end > %(when)s"
            ).format(table, subject.key_of_mart),
            {"when": when},
        )
    return [dict(row) for row in cursor.fetchall()]


def _origin_lines(
    cursor: RealDictCursor, subject: Subject, interval: str, row: dict[str, Any]
) -> list[tuple[int, int]]:
    """Return load id and raw line of every landed row that the mart row was made from, in order of time."""
    if interval == "snapshot":
        return _lines_of(cursor, _SNAPSHOTS, subject.key, row, "timestamp")
    if interval in ("any", "finest"):
        return [(row["load_id"], _raw_line(_load(cursor, row["load_id"]), row["line"]))]
    if subject.instrument_type == "equity" and row["source"] != "official":
        of_days = "bar_interval = interval '1 day'"
        finer = "bar_interval < interval '1 day' and is_finest and is_regular"
        of_bars = sql.SQL("{} and instrument_type = 'equity' and adjusted_for = 'none' and {}").format(
            subject.key_of_bars, sql.SQL(of_days if row["source"] == "daily bars" else finer)
        )
        return _lines_of(cursor, _OTHER_BARS, of_bars, row)
    if interval != "day" or row["source"] != "official":
        return _lines_of(cursor, _MINUTES[subject.instrument_type], subject.key, row)
    if subject.instrument_type == "equity":
        of_series = sql.SQL("{} and series = {}").format(subject.key, sql.Literal(row["series"]))
        return _lines_of(cursor, "int_equities__official_deduped", of_series, row)
    if subject.contract_id is not None:
        return _lines_of(cursor, "int_fo_bhavcopy__deduped", subject.key, row)
    # Without the file of indices, what the exchange says of an index stands in the rows of its contracts.
    of_close = sql.SQL("{} and underlying_price = {}").format(subject.key, sql.Literal(row["close"]))
    return _lines_of(cursor, "int_spot__closes_deduped", subject.key, row) or _lines_of(
        cursor, "int_fo_bhavcopy__deduped", of_close, row
    )


def _lines_of(
    cursor: RealDictCursor,
    table: str,
    condition: sql.Composable,
    row: dict[str, Any],
    time_column: str = "bar_start",
) -> list[tuple[int, int]]:
    cursor.execute(
        sql.SQL(
            "select load_id, line from intermediate.{table} where {condition} and is_preferred"
            " and {time} >= %s and {time} < %s order by {time}, load_id, line"
        ).format(table=sql.Identifier(table), condition=condition, time=sql.Identifier(time_column)),
        _span([row]),
    )
    return [(found["load_id"], found["line"]) for found in cursor.fetchall()]


def _span(rows: Sequence[dict[str, Any]]) -> tuple[datetime, datetime]:
    """Return the span of time that rows of a mart cover, half-open; a snapshot is of a moment."""
    starts = [row.get("bar_start") or row["timestamp"] for row in rows]
    ends = [row.get("bar_end") or row["timestamp"] + timedelta(microseconds=1) for row in rows]
    return min(starts), max(ends)


def _origins(cursor: RealDictCursor, lines: Sequence[tuple[int, int]], files: Files) -> list[Origin]:
    origins = []
    for load_id in dict.fromkeys(load_id for load_id, _ in lines):
        of_load = [line for owner, line in lines if owner == load_id]
        load = _load(cursor, load_id)
        shown = dict.fromkeys((of_load[0], of_load[-1]))
        numbers = {raw_line: _file_line(load, raw_line) for raw_line in shown}
        read = files.lines(load, numbers.values())
        texts = [_text(cursor, load, raw_line, number, read, files) for raw_line, number in numbers.items()]
        origins.append(Origin(_public(load), len(of_load), texts))
    return origins


def _load(cursor: RealDictCursor, load_id: int) -> dict[str, Any]:
    cursor.execute(
        "select loads.*, array("
        " select earlier.load_id from audit.loads as earlier"
        " where (earlier.source, earlier.dataset, earlier.uri) = (loads.source, loads.dataset, loads.uri)"
        " and earlier.load_id < coalesce(loads.continues_load_id, loads.load_id)"
        " and earlier.status <> 'failed' and earlier.unloaded_at is null"
        " order by earlier.load_id desc) as replaces,"
        # for a file that has grown since it was replaced, the load that replaced it
        " (select min(newest.load_id) from audit.current_loads as newest"
        " where (newest.source, newest.dataset, newest.uri) = (loads.source, loads.dataset, loads.uri)"
        " and coalesce(newest.continues_load_id, newest.load_id)"
        " > coalesce(loads.continues_load_id, loads.load_id)) as replaced_by"
        " from audit.loads as loads where load_id = %s",
        (load_id,),
    )
    return dict(cursor.fetchall()[0])


def _public(load: dict[str, Any]) -> dict[str, Any]:
    return {
        "load_id": load["load_id"],
        "source": load["source"],
        "layout": load["layout"],
        "uri": load["uri"],
        "sha256": load["sha256"],
        "loaded_at": load["finished_at"],
        "unloaded_at": load["unloaded_at"],
        "replaces": load["replaces"],
        "replaced_by": load["replaced_by"],
    }


def _file_line(load: dict[str, Any], raw_line: int) -> int:
    return int(raw_line - load["first_line"] + load["header_lines"] + 1)


def _raw_line(load: dict[str, Any], file_line: int) -> int:
    return int(file_line + load["first_line"] - load["header_lines"] - 1)


def _text(
    cursor: RealDictCursor,
    load: dict[str, Any],
    raw_line: int,
    number: int,
    read: LinesOfFile,
    files: Files,
) -> dict[str, Any]:
    if number in read.texts:
        return {"line": number, "text": read.texts[number], "text_from": "the file"}
    why = read.problem or "the file has no such line"
    text = _raw_text(cursor, load, raw_line, files)
    if text is None:
        return {"line": number, "text": None, "text_from": f"nowhere: {why}, and the raw row was deleted"}
    return {"line": number, "text": text, "text_from": f"the raw table: {why}"}


def _raw_text(cursor: RealDictCursor, load: dict[str, Any], raw_line: int, files: Files) -> str | None:
    """Return a landed row as a line in the layout's order; the file's own order may be another."""
    cursor.execute(
        sql.SQL("select {} from {} where _load_id = %s and _line = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, files.columns(load))),
            sql.Identifier(*load["raw_table"].split(".")),
        ),
        (load["load_id"], raw_line),
    )
    row = cursor.fetchone()
    return ",".join(str(value or "") for value in row.values()) if row else None


def _set_aside(
    cursor: RealDictCursor, subject: Subject, rows: Sequence[dict[str, Any]], files: Files
) -> list[dict[str, Any]]:
    cursor.execute(
        sql.SQL(
            "select load_id, line, outcome, reason from intermediate.int_quotes__set_aside"
            " where {} and instrument_type = %s and bar_start >= %s and bar_start < %s and {}"
            " order by bar_start, load_id, line limit %s"
        ).format(subject.key_of_set_aside, _of_the_same_kind("timestamp" in rows[0])),
        (subject.instrument_type, *_span(rows), _MOST_SHOWN),
    )
    return [_described(cursor, files, **found) for found in cursor.fetchall()]


def _of_the_same_kind(is_snapshot: bool) -> sql.Composable:
    """Return the condition that finds, among superseded and quarantined rows, snapshots or all others."""
    return sql.SQL(
        "exists (select from audit.loads as loads inner join facts.shapes as shapes using (raw_table)"
        " where loads.load_id = int_quotes__set_aside.load_id and shapes.shape = any({shapes}))"
        " = {is_snapshot}"
    ).format(shapes=sql.Literal(_OF_A_MOMENT), is_snapshot=sql.Literal(is_snapshot))


def _restated(
    cursor: RealDictCursor,
    subject: Subject,
    rows: Sequence[dict[str, Any]],
    load_ids: set[int],
    files: Files,
) -> list[dict[str, Any]]:
    """Return the rows that earlier loads of the same files had for these bars."""
    restated = []
    for load_id in sorted(load_ids):
        load = _load(cursor, load_id)
        earlier = load["replaces"][:_MOST_EARLIER_LOADS]
        if not earlier:
            continue
        for shape in _shapes_of(cursor, load):
            cursor.execute(
                sql.SQL(
                    "select load_id, line from intermediate.{table}"
                    " where load_id = any(%s) and {key} and instrument_type = %s"
                    " and {time} >= %s and {time} < %s order by {time}, load_id, line limit %s"
                ).format(
                    table=sql.Identifier(_IDENTIFIED[shape]),
                    key=subject.key_of_bars if shape == "bars" else subject.key,
                    time=sql.Identifier("timestamp" if shape in _OF_A_MOMENT else "bar_start"),
                ),
                (earlier, subject.instrument_type, *_span(rows), _MOST_SHOWN),
            )
            for found in cursor.fetchall():
                reason = f"load {load_id} of the same file replaced it"
                restated.append(_described(cursor, files, **found, outcome="restated", reason=reason))
    return restated


def _shapes_of(cursor: RealDictCursor, load: dict[str, Any]) -> list[str]:
    """Return the shapes of a load's rows that have a place in a mart of bars, days or snapshots."""
    cursor.execute("select distinct shape from facts.shapes where raw_table = %s", (load["raw_table"],))
    return [row["shape"] for row in cursor.fetchall() if row["shape"] in _IDENTIFIED]


def _described(
    cursor: RealDictCursor, files: Files, load_id: int, line: int, outcome: str, reason: str
) -> dict[str, Any]:
    load = _load(cursor, load_id)
    return {
        "outcome": outcome,
        "reason": reason,
        "load_id": load_id,
        "line": _file_line(load, line),
        "uri": load["uri"],
        "text": _raw_text(cursor, load, line, files),
    }


def _rejects(cursor: RealDictCursor, subject: Subject, load_ids: set[int]) -> list[dict[str, Any]]:
    cursor.execute(
        "select rejects.load_id, rejects.line, rejects.reason, loads.uri, left(rejects.text, 500) as text"
        " from audit.rejects inner join audit.loads using (load_id)"
        " where rejects.load_id = any(%s) and exists ("
        "  select from unnest(%s::text[]) as symbol where position(symbol in rejects.text) > 0)"
        " order by rejects.load_id, rejects.line limit %s",
        (sorted(load_ids), _vendor_symbols(cursor, subject), _MOST_SHOWN),
    )
    return [dict(row) for row in cursor.fetchall()]


def _vendor_symbols(cursor: RealDictCursor, subject: Subject) -> list[str]:
    if subject.instrument_type == "equity":
        return [subject.symbol]
    cursor.execute(
        sql.SQL(
            "select distinct vendor_symbol from intermediate.int_symbols__identified"
            " where {} and instrument_type = %s and unknown_reason is null"
        ).format(subject.key_of_bars),
        (subject.instrument_type,),
    )
    return [row["vendor_symbol"] for row in cursor.fetchall()]


def _unknown(cursor: psycopg2.extensions.cursor, wanted: str) -> str:
    underlying, _, rest = wanted.partition("_")
    parts = [int(part) for part in rest.split("_") if part.isdecimal()]
    expiry, strike = (*parts, 0, 0)[:2]
    cursor.execute(
        "select symbol from intermediate.int_contracts__described where underlying = %s"
        " order by abs(to_char(expiry, 'YYMMDD')::integer - %s), instrument_type <> %s,"
        " abs(coalesce(strike, 0) - %s), right(symbol, 3) <> %s, symbol limit %s",
        (
            underlying,
            expiry,
            "future" if wanted.endswith("_FUT") else "option",
            strike,
            wanted[-3:],
            _NAMES_OFFERED,
        ),
    )
    near = [symbol for (symbol,) in cursor.fetchall()]
    if near:
        return f"there is no contract {wanted}; near it: {', '.join(near)}"
    cursor.execute(
        "select underlying from intermediate.int_contracts__described"
        " union select underlying from intermediate.int_spot__prices_daily"
        " union select underlying from intermediate.int_spot__closes_deduped"
        " union select 'the shares of ' || exchange from intermediate.int_equities__official_deduped"
        " union select underlying from marts.bar_series where instrument_type not in ('option', 'future')"
        " order by 1"
    )
    names = [name for (name,) in cursor.fetchall()]
    held = ", ".join(names[:_MOST_SHOWN]) + (
        f" and {len(names) - _MOST_SHOWN} more" if names[_MOST_SHOWN:] else ""
    )
    return f"there is no symbol {wanted}; the marts hold {held or 'nothing yet'}. See: tickmart list"


def _not_there(
    cursor: RealDictCursor,
    subject: Subject,
    interval: str,
    mart: str,
    when: date | datetime,
    files: Files,
) -> str:
    shown = f"{when:%Y-%m-%d %H:%M}" if isinstance(when, datetime) else str(when)
    sentences = [f"{mart} has no row of {subject.symbol} at {shown}."]
    sentences += _what_became_of_it(cursor, subject, interval, when, files)
    near = _nearest(cursor, subject, interval, when)
    if near:
        zone = "" if interval == "day" else f" ({subject.exchange or 'UTC'} time)"
        sentences.append(f"Nearest: {' and '.join(near)}{zone}.")
    else:
        sentences.append("It has no row of it at all; see: tickmart list")
    return " ".join(sentences)


def _what_became_of_it(
    cursor: RealDictCursor, subject: Subject, interval: str, when: date | datetime, files: Files
) -> list[str]:
    cursor.execute(
        sql.SQL(
            "select load_id, line, outcome, reason from intermediate.int_quotes__set_aside"
            " where (contract_id = {contract} or {key}"
            " or (contract_id is null and vendor_symbol = any({symbols})))"
            " and outcome = 'quarantined' and session_date = {day}"
            " and ({is_day} or bar_start is null or (bar_start <= {moment} and bar_start > {since}))"
            " and {kind}"
            " order by load_id, line limit 3"
        ).format(
            contract=sql.Literal(subject.contract_id),
            key=subject.key_of_set_aside if subject.contract_id is None else sql.SQL("false"),
            symbols=sql.Literal(_vendor_symbols(cursor, subject)),
            day=sql.Literal(_date_of(when)),
            is_day=sql.Literal(interval == "day"),
            moment=sql.Literal(when),
            kind=_of_the_same_kind(interval == "snapshot"),
            since=sql.Literal(when - timedelta(hours=1 if interval == "hour" else 0, minutes=1)),
        )
    )
    found = [_described(cursor, files, **row) for row in cursor.fetchall()]
    return [f"Line {row['line']} of {row['uri']} was quarantined: {row['reason']}." for row in found]


def _nearest(cursor: RealDictCursor, subject: Subject, interval: str, when: date | datetime) -> list[str]:
    column, moment = ("session_date", _date_of(when)) if interval == "day" else ("bar_start", when)
    form = "%Y-%m-%d %H:%M"
    key = subject.key
    if interval in ("any", "finest") or subject.instrument_type == "equity":
        tables, key = [("marts", MARTS[subject.instrument_type][interval])], subject.key_of_mart
        if not isinstance(when, datetime):
            column, moment = "session_date", when
    elif interval == "day":
        tables = [("intermediate", table) for table in _DAYS[subject.instrument_type]]
    elif interval == "minute":
        tables = [("intermediate", _MINUTES[subject.instrument_type])]
    elif interval == "snapshot":
        column, form = "timestamp", "%Y-%m-%d %H:%M:%S"
        tables = [("intermediate", _SNAPSHOTS)]
    else:  # what is stored begins with the bucket, which may lie before the session's open
        tables = [("marts", MARTS[subject.instrument_type]["hour"])]
        key = subject.key_of_mart
    near = []
    for comparison, order, best in (("<", "desc", max), (">", "asc", min)):
        candidates = []
        for table in tables:
            cursor.execute(
                sql.SQL(
                    f"select {column} as found from {{}} where {{}} and {column} {comparison} %s"
                    f" order by {column} {order} limit 1"
                ).format(sql.Identifier(*table), key),
                (moment,),
            )
            candidates += [row["found"] for row in cursor.fetchall()]
        if candidates:
            found = best(candidates)
            if isinstance(found, datetime):
                found = found.astimezone(subject.zone)
            near.append(f"{found:{form}}" if isinstance(found, datetime) else str(found))
    return near
