"""The exporters there are, what each must be able to do, and the one function that runs them."""

import hashlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, Protocol

import psycopg2.errors
import psycopg2.extensions

from exporters.publish import Manifest, Month, Outcome, Publication, Store, open_store, versions
from warehouse import database
from warehouse.database import locks
from warehouse.errors import TickmartError
from warehouse.names import listed, names_held
from warehouse.options import range_fault

Progress = Callable[[str, int], None]

# name -> module:attribute; imported when asked for, because nautilus_trader alone takes seconds
EXPORTERS = {
    "nautilus": "exporters.nautilus:EXPORTER",
    "backtrader": "exporters.backtrader:EXPORTER",
}


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """The unit of an export: an underlying's sessions within one calendar month.

    Attributes
    ----------
    first, last : date
        Session dates, both included.
    """

    underlying: str
    month: Month
    first: date
    last: date


@dataclass(slots=True)
class Written:
    """What an exporter put into a publication.

    Attributes
    ----------
    rows : int
        Rows of market data.
    load_ids : dict of Slice to set of int
        The loads that the rows came from.
    about : dict
        What the exporter wants to find in the manifest the next time.
    warnings : list of str
        What a user should know about the export.
    """

    rows: int = 0
    load_ids: dict[Slice, set[int]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Exporter(Protocol):
    """A format. A module under `exporters/` holds one as `EXPORTER`; the contract suite runs on it."""

    name: str
    catalog_format: str

    def write(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        publication: Publication,
        progress: Progress,
    ) -> Written:
        """Read the slices from the marts and put their files."""
        ...

    def verify(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        store: Store,
        progress: Progress,
    ) -> int:
        """Read what was published with the framework's own reader and compare it with the marts.

        Returns
        -------
        int
            Rows compared.

        Raises
        ------
        TickmartError
            Names the first difference.
        """
        ...


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The outcome of `export`."""

    exporter: str
    destination: str
    underlyings: tuple[str, ...]
    first: date
    last: date
    rows: int
    outcome: Outcome
    rows_verified: int | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON writes it."""
        return {
            "exporter": self.exporter,
            "destination": self.destination,
            "underlyings": list(self.underlyings),
            "first_session": self.first.isoformat(),
            "last_session": self.last.isoformat(),
            "rows": self.rows,
            "files_written": self.outcome.written,
            "files_unchanged": self.outcome.unchanged,
            "files_removed": self.outcome.removed,
            "bytes_written": self.outcome.bytes_written,
            "rows_verified": self.rows_verified,
            "warnings": list(self.warnings),
        }


def load_exporter(name: str) -> Exporter:
    """Return the exporter of a format."""
    if name not in EXPORTERS:
        raise TickmartError(f"unknown format {name}; known: {', '.join(EXPORTERS)}.")
    module, attribute = EXPORTERS[name].split(":")
    exporter: Exporter = getattr(importlib.import_module(module), attribute)
    return exporter


def export(
    format: str,
    underlyings: Sequence[str],
    start: date | None,
    end: date | None,
    destination: str,
    *,
    verify: bool = True,
    progress: Progress = lambda stage, rows: None,
) -> ExportReport:
    """Write marts as files that a backtester loads, then check them with its own reader.

    Parameters
    ----------
    format : str
        A name in `EXPORTERS`.
    underlyings : sequence of str
        Such as `NIFTY`, in any case; empty: all that the marts hold.
    start, end : date or None
        First and last session date, both included; None: as far as the marts go. A month that was exported
        to this destination before stays whole: its file covers the earlier range and this one.
    destination : str
        A folder or `s3://bucket/prefix`.
    verify : bool
        Read everything back and compare it with the marts.
    progress : callable
        Called with a stage (`write`, `verify`) and the rows just done.

    Raises
    ------
    TickmartError
        Nothing in the range; another export to the same place is running; the lock that keeps others out may
        not be taken (for a bucket), or was ended by somebody; a difference on reading back.
    """
    exporter = load_exporter(format)
    fault = range_fault(start, end)
    if fault:
        raise TickmartError(fault)
    store = open_store(destination)
    with _only_writer(store) as holder, database.connect() as connection:
        connection.rollback()
        # one snapshot for every mart, and for the comparison afterwards
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        available = _available(connection, underlyings)
        check_lock = partial(_check_lock, connection, store, holder)
        with Publication(store, exporter.name, check_lock) as publication:
            previous = publication.previous
            slices = _slices(available, previous, exporter.name, start, end)
            for piece in slices:
                publication.claim(piece.underlying, piece.month)
            written = exporter.write(connection, slices, publication, progress) if slices else Written()
            if not written.rows and not _held(previous, exporter.name, slices):
                raise TickmartError(_nothing_there(available, underlyings, start, end))
            about = _about(connection, exporter, previous, slices, written, publication)
            outcome = publication.commit(about)
        compared = exporter.verify(connection, slices, store, progress) if verify else None
        connection.rollback()
    return ExportReport(
        exporter.name,
        store.uri,
        tuple(sorted({piece.underlying for piece in slices})),
        min(piece.first for piece in slices),
        max(piece.last for piece in slices),
        written.rows,
        outcome,
        compared,
        tuple(written.warnings),
    )


@contextmanager
def _only_writer(store: Store) -> Iterator[int | None]:
    """Hold the database's lock on a destination; yield the server's process number of who holds it."""
    with ExitStack() as stack:
        try:
            holder = stack.enter_context(
                locks.held(_lock_name(store), f"another export is writing to {store.uri}")
            )
        except psycopg2.errors.InsufficientPrivilege as error:
            # who only reads the database may still publish to where a lock of its own keeps others out
            if not store.has_lock:
                raise TickmartError(
                    f"cannot export to {store.uri}: this user may not lock it against other exports, for"
                    " which it needs insert and update on audit.locks, as role tickmart_transformer has."
                    " Export as another user, or to a folder."
                ) from error
            holder = None
        yield holder


def _check_lock(connection: psycopg2.extensions.connection, store: Store, holder: int | None) -> None:
    if holder is None:
        return
    with connection.cursor() as cursor:
        if locks.name_holder(cursor, _lock_name(store)) != holder:
            raise TickmartError(
                f"the lock of this export to {store.uri} is gone: somebody ended its session (process"
                f" {holder}). Run this export again."
            )


def _lock_name(store: Store) -> str:
    return f"export {store.uri}"


# Not from marts.options_daily, which joins the Greeks of every row that it counts.
_RANGES = """
    select underlying, min(first_session), max(last_session)
    from (
        select underlying, min(session_date) as first_session, max(session_date) as last_session
        from marts.data_coverage where contracts > 0 and instrument_type <> 'equity' group by underlying
        union all
        select symbol, min(session_date), max(session_date) from marts.spot_daily group by symbol
    ) as ranges
    group by underlying
    order by underlying
"""


def _available(
    connection: psycopg2.extensions.connection, underlyings: Sequence[str]
) -> dict[str, tuple[date, date]]:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('marts.data_coverage') is not null")
        if cursor.fetchone() != (True,):
            raise TickmartError(
                "there are no marts yet. Load data (tickmart load …) and build (tickmart build)."
            )
        cursor.execute(_RANGES)
        held = {name: (first, last) for name, first, last in cursor.fetchall()}
    if not held:
        raise TickmartError(
            "the marts are empty. Load data (tickmart load …) and build (tickmart build) first."
        )
    wanted = names_held(underlyings, list(held))
    return {name: held[name] for name in held if not underlyings or name in wanted}


def _slices(
    available: dict[str, tuple[date, date]],
    previous: Manifest,
    exporter: str,
    start: date | None,
    end: date | None,
) -> list[Slice]:
    slices = []
    for underlying, (first, last) in available.items():
        covered = {
            Month.parse(text): (date.fromisoformat(held["first"]), date.fromisoformat(held["last"]))
            for text, held in previous.covered(exporter, underlying).items()
        }
        earliest = min([first, *(sessions[0] for sessions in covered.values())])
        latest = max([last, *(sessions[1] for sessions in covered.values())])
        low, high = start or earliest, end or latest
        # no further than there is something to write or to take away
        month = max(Month.of(low), Month.of(earliest))
        while month <= min(Month.of(high), Month.of(latest)):
            month_end = month.following.first_day - timedelta(days=1)
            sessions = max(low, month.first_day), min(high, month_end)
            if month in covered:
                sessions = min(sessions[0], covered[month][0]), max(sessions[1], covered[month][1])
            if month in covered or (sessions[0] <= last and first <= sessions[1]):
                slices.append(Slice(underlying, month, *sessions))
            month = month.following
    return slices


def _held(previous: Manifest, exporter: str, slices: Sequence[Slice]) -> bool:
    return any(str(piece.month) in previous.covered(exporter, piece.underlying) for piece in slices)


def _nothing_there(
    available: dict[str, tuple[date, date]], underlyings: Sequence[str], start: date | None, end: date | None
) -> str:
    held = "; ".join(f"{name} from {first} to {last}" for name, (first, last) in list(available.items())[:8])
    names = listed(underlyings) or "any underlying"
    asked = f"{names} from {start or 'the first'} to {end or 'the last'} session"
    return f"nothing to export for {asked}. The marts hold {held}."


def _about(
    connection: psycopg2.extensions.connection,
    exporter: Exporter,
    previous: Manifest,
    slices: Sequence[Slice],
    written: Written,
    publication: Publication,
) -> dict[str, Any]:
    earlier = previous.exporters.get(exporter.name, {})
    covered = {name: dict(months) for name, months in earlier.get("covered", {}).items()}
    for piece in slices:
        months = covered.setdefault(piece.underlying, {})
        months.pop(str(piece.month), None)
        if any(
            file.underlying == piece.underlying and file.month == str(piece.month)
            for file in publication.put_files.values()
        ):
            months[str(piece.month)] = {
                "first": piece.first.isoformat(),
                "last": piece.last.isoformat(),
                "data_version": _data_version(connection, piece, written.load_ids.get(piece, set())),
            }
    covered = {name: dict(sorted(months.items())) for name, months in sorted(covered.items()) if months}
    whole = hashlib.sha256(repr(covered).encode()).hexdigest()[:16]
    return {
        **earlier,
        **written.about,
        "catalog_format": exporter.catalog_format,
        "written_by": versions() | written.about.get("written_by", {}),
        "data_version": whole,
        "covered": covered,
    }


def _data_version(connection: psycopg2.extensions.connection, piece: Slice, load_ids: set[int]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "select session_date::text, bar_interval, inputs_version from enrichment.greeks_slices"
            " where underlying = %s and session_date between %s and %s order by 1, 2",
            [piece.underlying, piece.first, piece.last],
        )
        greeks = cursor.fetchall()
        # daily rows name no load: what was built from which one says when they may have changed
        cursor.execute(
            "select distinct built_loads.model, built_loads.load_id from audit.built_loads"
            " join intermediate.int_loads__slices as slices on slices.load_id = built_loads.load_id"
            " where slices.underlying = %s and slices.session_date between %s and %s order by 1, 2",
            [piece.underlying, piece.first, piece.last],
        )
        built = cursor.fetchall()
    return hashlib.sha256(repr((sorted(load_ids), greeks, built)).encode()).hexdigest()[:16]
