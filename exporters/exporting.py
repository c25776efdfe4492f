"""The one function that runs an exporter: what is to be written, and what the manifest says of it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import psycopg2.errors
import psycopg2.extensions

from exporters import unchanged
from exporters.exporter import Exporter, Progress, Slice, Written
from exporters.formats import EXPORTERS
from exporters.publish import Manifest, Outcome, Publication, Store, open_store, read_manifest, versions
from exporters.series import Series
from warehouse import database
from warehouse.built_slices import models_and_loads
from warehouse.database import locks
from warehouse.errors import TickmartError
from warehouse.names import listed, names_held
from warehouse.options import range_fault

_A_DAY = timedelta(days=1)
_A_YEAR = 366


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


def export(
    format: str,
    underlyings: Sequence[str],
    start: date | None,
    end: date | None,
    destination: str,
    *,
    series: Sequence[str] = (),
    first_session: Callable[[], date | None] | None = None,
    verify: bool = True,
    progress: Progress = lambda stage, rows: None,
) -> ExportReport:
    """Write marts as files that a backtester loads, then check them with its own reader.

    If the last export to the destination was asked for the same, and neither the database nor a file has
    changed since, no mart is read: the outcome of that export is returned, with all files as they were.

    Parameters
    ----------
    format : str
        A name in `EXPORTERS`, which is that of a module in `exporters/formats/`.
    underlyings : sequence of str
        Such as `NIFTY`, in any case; empty: all that the marts hold but for shares, currencies
        and coins, which go by name.
    start, end : date or None
        First and last session date, both included; None: as far as the marts go. A partition (a month, a day)
        that was exported to this destination before stays whole: it covers the earlier range and this one.
    destination : str
        A folder or `s3://bucket/prefix`.
    series : sequence of str
        Names in `Series`; empty: those that the destination holds, or all that the format takes if the
        destination is new.
    first_session : callable, optional
        Called for the start, in place of `start`, where something has changed.
    verify : bool
        Read everything back and compare it with the marts. Files that the last export compared, and that
        still have the same bytes, are not compared again.
    progress : callable
        Called with a stage (`write`, `verify`) and the rows just done.

    Raises
    ------
    TickmartError
        The format is unknown or does not take a series; the destination holds other series; nothing in the
        range; another export to the same place is running; the lock that keeps others out may
        not be taken (for a bucket), or was ended by somebody; a difference on reading back.
    """
    exporter = EXPORTERS.named(format)
    _check_series(exporter, series)
    fault = range_fault(start, end)
    if fault:
        raise TickmartError(fault)
    store = open_store(destination)
    since = "what has changed" if first_session is not None else start
    inputs = unchanged.inputs_of(exporter.catalog_format, sorted(underlyings), since, end, sorted(series))
    with _only_writer(store) as holder, database.connect() as connection:
        recalled = unchanged.recalled(store, read_manifest(store), exporter.name, inputs)
        if recalled is not None and (recalled["rows_verified"] is not None or not verify):
            return _as_before(exporter.name, store.uri, recalled)
        if first_session is not None:
            start = first_session()
        connection.rollback()
        # one snapshot for every mart, and for the comparison afterwards
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        available = _available(connection, underlyings)
        check_lock = partial(_check_lock, connection, store, holder)
        with Publication(store, exporter.name, check_lock) as publication:
            previous = publication.previous
            held_series = _series_of(store.uri, exporter, previous, series)
            slices, left = plan_slices(available, previous, exporter, held_series, start, end)
            claimed = {(piece.underlying, piece.partition) for piece in slices} | left
            for underlying, key in claimed:
                publication.claim(underlying, key)
            written = exporter.write(connection, slices, publication, progress) if slices else Written()
            if not written.rows and not _held(previous, exporter.name, claimed):
                raise TickmartError(_nothing_there(available, underlyings, start, end))
            about = _about(connection, exporter, previous, slices, claimed, written, publication)
            unchanged.forget(about)
            about["series"] = sorted(held_series)
            outcome = publication.commit(about)
        compared = exporter.verify(connection, slices, store, progress) if verify else None
        report = ExportReport(
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
        unchanged.remember(store, exporter.name, check_lock, inputs, _to_remember(report))
        connection.rollback()
    return report


def _to_remember(report: ExportReport) -> dict[str, Any]:
    return {
        "underlyings": list(report.underlyings),
        "first": report.first.isoformat(),
        "last": report.last.isoformat(),
        "rows": report.rows,
        "files": report.outcome.written + report.outcome.unchanged,
        "rows_verified": report.rows_verified,
        "warnings": list(report.warnings),
    }


def _as_before(exporter: str, uri: str, recalled: Mapping[str, Any]) -> ExportReport:
    return ExportReport(
        exporter,
        uri,
        tuple(recalled["underlyings"]),
        date.fromisoformat(recalled["first"]),
        date.fromisoformat(recalled["last"]),
        recalled["rows"],
        Outcome(0, recalled["files"], 0, 0),
        recalled["rows_verified"],
        tuple(recalled["warnings"]),
    )


@contextmanager
def _only_writer(store: Store) -> Iterator[int | None]:
    """Hold the database's lock on a destination; yield the server's process number of the holder."""
    with ExitStack() as stack:
        try:
            holder = stack.enter_context(
                locks.held(_lock_name(store), f"another export is writing to {store.uri}")
            )
        except psycopg2.errors.InsufficientPrivilege as error:
            # a user who only reads the database may still publish to a store whose own lock keeps others out
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

_RANGES_OF_SHARES = """
    select symbol, min(session_date), max(session_date)
    from marts.equity_daily
    where upper(symbol) = any(%s)
    group by symbol
"""

# Bars of any length, by the dates that files of dates have them under.
_RANGES_OF_BARS = """
    select underlying, instrument_type, min(first_date), max(last_date)
    from marts.bar_series
    where
        adjusted_for = 'none' and preferred_bars > 0
        and case
            when cardinality(%(names)s::text[]) = 0
                then instrument_type in ('option', 'future', 'index') and exchange <> ''
            else upper(underlying) = any(%(names)s)
        end
    group by underlying, instrument_type
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
        if underlyings:  # shares are thousands, and exported only by name
            cursor.execute(_RANGES_OF_SHARES, [[name.upper() for name in underlyings]])
            for name, first, last in cursor.fetchall():
                held[name] = _around(held.get(name, (first, last)), (first, last))
        cursor.execute(_RANGES_OF_BARS, {"names": [name.upper() for name in underlyings]})
        found = cursor.fetchall()
    for name, kind, first, last in found:
        if kind != "unknown":
            held[name] = _around(held.get(name, (first, last)), (first, last))
    unknown = [name for name, *_ in found if name not in held]
    if unknown:
        raise TickmartError(
            f"nobody says what {unknown[0]} is: a share, an index, a coin. Load its files with --exchange, or"
            " with --type."
        )
    if not held:
        with connection.cursor() as cursor:
            cursor.execute(
                "select exists (select from marts.bar_series) or exists (select from marts.equity_daily)"
            )
            if cursor.fetchone() == (True,):
                raise TickmartError(
                    "the marts hold shares, currencies or coins alone, which go out by their names: --symbol,"
                    " as tickmart list shows them"
                )
        raise TickmartError(
            "the marts are empty. Load data (tickmart load …) and build (tickmart build) first."
        )
    wanted = names_held(underlyings, list(held))
    return {name: held[name] for name in held if not underlyings or name in wanted}


def _check_series(exporter: Exporter, wanted: Sequence[str]) -> None:
    takes = f"{exporter.name} takes {listed(sorted(exporter.series))}"
    unknown = [name for name in wanted if name not in list(Series)]
    if unknown:
        raise TickmartError(f"there is no series {listed(unknown)}; {takes}")
    refused = [name for name in wanted if name not in exporter.series]
    if refused:
        raise TickmartError(f"{exporter.name} takes no {listed(refused)}; {takes}")


def _series_of(uri: str, exporter: Exporter, previous: Manifest, wanted: Sequence[str]) -> tuple[Series, ...]:
    """Return the series of a destination, which stay what they were at its first export."""
    about = previous.exporters.get(exporter.name)
    before_they_were_named = getattr(exporter, "first_series", exporter.series)
    held = set(exporter.series) if about is None else set(about.get("series", before_they_were_named))
    if about is None and wanted:
        held = set(wanted)
    if wanted and set(wanted) != held:
        raise TickmartError(
            f"{uri} holds {listed(sorted(held))} of {exporter.name}, and {listed(sorted(set(wanted)))} would"
            " leave parts of it as they were. Leave --series out, or export to another place."
        )
    gone = sorted(held - set(exporter.series))
    if gone:
        raise TickmartError(
            f"{uri} holds {listed(gone)}, which {exporter.name} no longer writes. Export to an empty place."
        )
    return tuple(one for one in exporter.series if one in held)


def plan_slices(
    available: Mapping[str, tuple[date, date]],
    previous: Manifest,
    exporter: Exporter,
    series: Sequence[Series],
    start: date | None,
    end: date | None,
) -> tuple[list[Slice], set[tuple[str, str]]]:
    """Divide what is asked for by the exporter's partition.

    Parameters
    ----------
    available : mapping of str to (date, date)
        First and last session of each underlying that is asked for, as the marts hold them.
    previous : Manifest
        What the destination holds: a partition that it has stays whole.
    exporter : Exporter
    series : sequence of Series
        Those that the destination holds.
    start, end : date or None
        First and last session that are asked for, both included; None: as far as the data go.

    Returns
    -------
    slices : list of Slice
        What to write, or to take away where the marts have nothing any more.
    left : set of (str, str)
        Underlyings and partitions of the destination whose sessions lie in other partitions now, because the
        exporter now divides its files differently than when it wrote them. Their files go.
    """
    slices: list[Slice] = []
    left: set[tuple[str, str]] = set()
    for underlying, (first, last) in available.items():
        covered = {
            key: (date.fromisoformat(held["first"]), date.fromisoformat(held["last"]))
            for key, held in previous.covered(exporter.name, underlying).items()
        }
        stale = {
            key
            for key, sessions in covered.items()
            if not any(exporter.partition(one, underlying, day) == key for one in series for day in sessions)
        }
        left |= {(underlying, key) for key in stale}
        earliest = min([first, *(sessions[0] for sessions in covered.values())])
        latest = max([last, *(sessions[1] for sessions in covered.values())])
        found: dict[str, tuple[date, date]] = {}
        series_of: dict[str, list[Series]] = {}
        for one in series:
            key_of = partial(exporter.partition, one, underlying)
            # go no further than there is something to write or to take away
            low = max(start or earliest, _end_of_partition(key_of, earliest, -1))
            high = min(end or latest, _end_of_partition(key_of, latest, 1))
            asked = [(low, high), *(covered[key] for key in stale)]
            for key, sessions in _by_partition(key_of, asked).items():
                found[key] = _around(found.get(key, sessions), sessions)
                series_of.setdefault(key, []).append(one)
        for key, sessions in found.items():
            if key in covered:
                sessions = _around(sessions, covered[key])
            if key in covered or (sessions[0] <= last and first <= sessions[1]):
                slices.append(Slice(underlying, key, *sessions, tuple(series_of[key])))
    slices.sort(key=lambda piece: (list(available).index(piece.underlying), piece.first, piece.partition))
    return slices, left


def _end_of_partition(key_of: Callable[[date], str], day: date, step: int) -> date:
    """Return the first or last day of a day's partition; the day itself where that is over a year away."""
    key = key_of(day)
    for days in range(1, _A_YEAR + 1):
        following = day + days * step * _A_DAY
        if key_of(following) != key:
            return following - step * _A_DAY
    return day


def _by_partition(
    key_of: Callable[[date], str], ranges: Iterable[tuple[date, date]]
) -> dict[str, tuple[date, date]]:
    found: dict[str, tuple[date, date]] = {}
    for first, last in ranges:
        for days in range((last - first).days + 1):
            day = first + days * _A_DAY
            key = key_of(day)
            found[key] = _around(found.get(key, (day, day)), (day, day))
    return found


def _around(one: tuple[date, date], other: tuple[date, date]) -> tuple[date, date]:
    return min(one[0], other[0]), max(one[1], other[1])


def _held(previous: Manifest, exporter: str, claimed: Iterable[tuple[str, str]]) -> bool:
    return any(key in previous.covered(exporter, underlying) for underlying, key in claimed)


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
    claimed: Iterable[tuple[str, str]],
    written: Written,
    publication: Publication,
) -> dict[str, Any]:
    earlier = previous.exporters.get(exporter.name, {})
    covered = {name: dict(partitions) for name, partitions in earlier.get("covered", {}).items()}
    for underlying, key in claimed:
        covered.get(underlying, {}).pop(key, None)
    put = {(file.underlying, file.partition) for file in publication.put_files.values()}
    for piece in slices:
        if (piece.underlying, piece.partition) in put:
            covered.setdefault(piece.underlying, {})[piece.partition] = {
                "first": piece.first.isoformat(),
                "last": piece.last.isoformat(),
                "data_version": _data_version(connection, piece, written.load_ids.get(piece, set())),
            }
    covered = {
        name: dict(sorted(partitions.items())) for name, partitions in sorted(covered.items()) if partitions
    }
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
            " where underlying = %s and session_date between %s and %s"
            " order by session_date, bar_interval, exchange",
            [piece.underlying, piece.first, piece.last],
        )
        greeks = cursor.fetchall()
    # daily rows name no load; which models were built from which loads says when the rows may have changed
    built = models_and_loads(connection, piece.underlying, piece.first, piece.last)
    return hashlib.sha256(repr((sorted(load_ids), greeks, built)).encode()).hexdigest()[:16]
