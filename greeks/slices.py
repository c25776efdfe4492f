"""Slices of the Greeks step: which are due, and how they are read, computed and written as a whole."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

import psycopg2.extensions
import pyarrow as pa

from greeks.pricing import INPUTS, price_rows
from greeks.surface import replace_surfaces
from greeks.tables import table_of
from warehouse.database import connect, locks
from warehouse.database.arrow import copy_in, copy_out
from warehouse.errors import TickmartError

# Slices whose inputs have changed and are there, and those with more, or fewer, Greeks than the setting asks.
_DUE = """
    select exchange, underlying, session_date, bar_interval, inputs_version
    from intermediate.greeks_slices_due
    where is_ready
    union all
    select
        computed.exchange, computed.underlying, computed.session_date, computed.bar_interval,
        computed.inputs_version
    from enrichment.greeks_slices as computed
    where computed.has_second_order <> %(second_order)s and not exists (
        select from intermediate.greeks_slices_due as due
        where due.exchange = computed.exchange
            and due.underlying = computed.underlying
            and due.session_date = computed.session_date
            and due.bar_interval = computed.bar_interval
    )
"""

_BATCH_ROWS = 65_536


@dataclass(frozen=True, order=True)
class Slice:
    """What is computed and committed as a whole: an underlying of an exchange, a session and an interval."""

    exchange: str
    underlying: str
    bar_interval: str
    session_date: date


@dataclass
class Outcome:
    """What a run, or a part of one, has committed.

    Attributes
    ----------
    slices : int
        Slices computed.
    removed : int
        Slices whose rows were deleted because their inputs are gone.
    rows : int
        Rows written.
    statuses : Counter of str
        Rows written by `greeks_status`.
    seconds : float
        Wall time.
    """

    slices: int = 0
    removed: int = 0
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, other: "Outcome") -> None:
        """Add the counts of another part; time is not summed, parts run side by side."""
        self.slices += other.slices
        self.removed += other.removed
        self.rows += other.rows
        self.statuses += other.statuses


def slices_due(connection: psycopg2.extensions.connection, *, second_order: bool) -> list[Slice]:
    """Return what has to be computed, in order.

    Parameters
    ----------
    connection : psycopg2 connection
        Committed before this returns.
    second_order : bool
        Whether slices shall have second-order Greeks; those that do not agree are due too.

    Raises
    ------
    TickmartError
        Nothing was built yet.
    """
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('intermediate.greeks_slices_due')")
        if cursor.fetchone() == (None,):
            raise TickmartError(
                "there are no pricing inputs yet (intermediate.greeks_slices_due): run tickmart build"
            )
        cursor.execute(
            f"select exchange, underlying, bar_interval, session_date from ({_DUE}) as due",
            {"second_order": second_order},
        )
        due = sorted(Slice(*row) for row in cursor.fetchall())
    connection.commit()
    return due


class SliceWorker:
    """Two connections, one to read inputs and one to write results, kept for many units."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._reader = self._stack.enter_context(connect())
        self._writer = self._stack.enter_context(connect())
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.rollback()
        self._writer.rollback()
        self._stack.close()

    def check_that_run_is_here(self, run: int) -> None:
        """Check that the run whose work this is holds its lock in the database of these connections.

        Parameters
        ----------
        run : int
            Server's process number of the session that holds the run's lock.

        Raises
        ------
        TickmartError
            It does not: this process has settings of another database.
        """
        with self._reader.cursor() as cursor:
            is_here = locks.holder(cursor, locks.GREEKS) == run
        database = self._reader.info.dbname
        self._reader.rollback()
        if not is_here:
            raise TickmartError(
                f"a worker uses the database {database}, in which this run is not: give the worker the run's"
                " TICKMART_DATABASE_URL"
            )

    def compute(self, unit: Sequence[Slice], *, second_order: bool) -> Outcome:
        """Replace the slices of a unit (one exchange, underlying and interval) in one transaction."""
        exchange, underlying, bar_interval = unit[0].exchange, unit[0].underlying, unit[0].bar_interval
        outcome = Outcome()
        try:
            with self._writer.cursor() as cursor:
                # A crash of the server takes back whole slices only, which are then due again.
                cursor.execute("set local synchronous_commit = off")
                # The rows to be replaced may lie in compressed chunks, however many they are.
                cursor.execute("set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
                # Before the inputs are read: whoever waited here then sees what the other has written.
                locks.lock_in_passing(
                    cursor,
                    [
                        f"greeks {item.exchange} {item.underlying} {item.bar_interval} {item.session_date}"
                        for item in unit
                    ],
                )
                versions = self._versions(
                    exchange,
                    underlying,
                    bar_interval,
                    [item.session_date for item in unit],
                    second_order=second_order,
                )
                if not versions:
                    return outcome
                dates = sorted(versions)
                kept = [day for day in dates if versions[day] is not None]
                gone = [day for day in dates if versions[day] is None]
                cursor.execute(
                    f"delete from {table_of(bar_interval)}"
                    " where exchange = %s and underlying = %s and bar_interval = %s"
                    " and session_date = any(%s) and bar_start >= %s and bar_start < %s",
                    (exchange, underlying, bar_interval, dates, *_bar_range(dates)),
                )
                rows: Counter[date] = Counter()
                if kept:
                    # Closed before the rollback, which would wait for ever on a reader whose COPY is half
                    # read.
                    days_of_theta = self._days_of_theta()
                    with closing(self._inputs(exchange, underlying, bar_interval, kept)) as inputs:
                        priced = (
                            price_rows(batch, second_order=second_order, days_of_theta=days_of_theta)
                            for batch in inputs
                        )
                        results = _counted(priced, rows, outcome.statuses)
                        copy_in(self._writer, table_of(bar_interval), results)
                    cursor.executemany(
                        "insert into enrichment.greeks_slices"
                        " (exchange, underlying, session_date, bar_interval, inputs_version, rows,"
                        " has_second_order) values (%s, %s, %s, %s, %s, %s, %s)"
                        " on conflict (exchange, underlying, session_date, bar_interval)"
                        " do update set inputs_version = excluded.inputs_version, rows = excluded.rows,"
                        " has_second_order = excluded.has_second_order",
                        [
                            (exchange, underlying, day, bar_interval, versions[day], rows[day], second_order)
                            for day in kept
                        ],
                    )
                replace_surfaces(cursor, exchange, underlying, bar_interval, dates, _bar_range(dates))
                self._take_off_the_list(cursor, exchange, underlying, bar_interval, dates)
                if gone:
                    cursor.execute(
                        "delete from enrichment.greeks_slices"
                        " where exchange = %s and underlying = %s and bar_interval = %s"
                        " and session_date = any(%s)",
                        (exchange, underlying, bar_interval, gone),
                    )
            self._writer.commit()
        finally:
            self._reader.rollback()
            self._writer.rollback()
        outcome.slices, outcome.removed, outcome.rows = len(kept), len(gone), rows.total()
        return outcome

    def _versions(
        self, exchange: str, underlying: str, bar_interval: str, dates: list[date], *, second_order: bool
    ) -> dict[date, str | None]:
        with self._reader.cursor() as cursor:
            # Versions and inputs are read as of one moment: a build that commits between the two reads
            # changes neither.
            cursor.execute("set transaction isolation level repeatable read, read only")
            cursor.execute("select pg_current_snapshot()::text")
            self._inputs_seen = cursor.fetchone()[0]  # type: ignore[index]
            cursor.execute(
                f"select session_date, inputs_version from ({_DUE}) as due"
                " where exchange = %(exchange)s and underlying = %(underlying)s"
                " and bar_interval = %(bar_interval)s and session_date = any(%(dates)s)",
                {
                    "second_order": second_order,
                    "exchange": exchange,
                    "underlying": underlying,
                    "bar_interval": bar_interval,
                    "dates": dates,
                },
            )
            return dict(cursor.fetchall())

    def _take_off_the_list(
        self,
        cursor: psycopg2.extensions.cursor,
        exchange: str,
        underlying: str,
        bar_interval: str,
        dates: list[date],
    ) -> None:
        slices = {
            "exchange": exchange,
            "underlying": underlying,
            "bar_interval": bar_interval,
            "dates": dates,
        }
        of_slices = (
            "exchange = %(exchange)s and underlying = %(underlying)s and bar_interval = %(bar_interval)s"
            " and session_date = any(%(dates)s)"
        )
        # In the order in which a build lists them, so that the two never wait for each other.
        cursor.execute(
            f"select from enrichment.greeks_due where {of_slices} order by session_date for update", slices
        )
        # A slice that was listed after the inputs were read has other inputs by now, and stays due.
        cursor.execute(
            f"delete from enrichment.greeks_due where {of_slices}"
            " and pg_visible_in_snapshot(listed_by, %(seen)s::pg_snapshot)",
            {**slices, "seen": self._inputs_seen},
        )

    def _days_of_theta(self) -> int:
        with self._reader.cursor() as cursor:
            cursor.execute("select max(days_of_theta) from intermediate.greeks_rules")
            days: int = cursor.fetchone()[0]  # type: ignore[index]
        return days

    def _inputs(
        self, exchange: str, underlying: str, bar_interval: str, dates: list[date]
    ) -> Generator[pa.RecordBatch]:
        first, last = _bar_range(dates)
        one_or_more = "session_date = %(dates)s" if len(dates) == 1 else "session_date = any(%(dates)s)"
        return copy_out(
            self._reader,
            f"select {', '.join(INPUTS.names)} from intermediate.option_pricing_inputs"
            " where exchange = %(exchange)s and underlying = %(underlying)s"
            f" and bar_interval = %(bar_interval)s and {one_or_more}"
            " and bar_start >= %(first)s and bar_start < %(last)s"
            # The same bounds for the forwards, because the outer join would not pass them on.
            " and forward_bar_start >= %(first)s and forward_bar_start < %(last)s",
            {
                "exchange": exchange,
                "underlying": underlying,
                "bar_interval": bar_interval,
                "dates": dates[0] if len(dates) == 1 else dates,
                "first": first,
                "last": last,
            },
            schema=INPUTS,
            batch_rows=_BATCH_ROWS,
        )


def _bar_range(dates: Sequence[date]) -> tuple[datetime, datetime]:
    # A session date is a local day: whatever the time zone, its bars start at most a day before or after it
    # in UTC.
    return (
        datetime.combine(dates[0], time(), UTC) - timedelta(days=1),
        datetime.combine(dates[-1], time(), UTC) + timedelta(days=2),
    )


def _counted(
    results: Iterable[pa.RecordBatch], rows: Counter[date], statuses: Counter[str]
) -> Iterator[pa.RecordBatch]:
    for result in results:
        for column, counter in (("session_date", rows), ("greeks_status", statuses)):
            for found in result.column(column).value_counts().to_pylist():
                counter[found["values"]] += found["counts"]
        yield result
