"""The Greeks step: reads the pricing inputs and writes enrichment.option_greeks, slice by slice."""

import concurrent.futures
import multiprocessing
import os
import signal
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Any, Self

import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from greeks.black_scholes import DAYS_OF_A_YEAR, greeks
from greeks.implied_volatility import Bools, implied_volatility
from greeks.normalised_black import Floats
from greeks.second_order import SecondOrderGreeks, second_order_greeks
from greeks.surface import INTERVALS as FITTED_INTERVALS
from greeks.surface import replace_surfaces
from warehouse.database import connect
from warehouse.database.arrow import copy_in, copy_out, numeric_as_float
from warehouse.errors import TickmartError
from warehouse.processes import end_with
from warehouse.settings import settings

log = structlog.get_logger()

STATUSES = (
    "ok",
    "no_price",
    "expired",
    "no_underlying",
    "stale_underlying",
    "no_rate",
    "below_intrinsic",
    "at_intrinsic",
    "above_bound",
)
(
    _OK,
    _NO_PRICE,
    _EXPIRED,
    _NO_UNDERLYING,
    _STALE_UNDERLYING,
    _NO_RATE,
    _BELOW_INTRINSIC,
    _AT_INTRINSIC,
    _ABOVE_BOUND,
) = range(len(STATUSES))

# The intrinsic value and the bound come out of exponentials, products and a difference, each rounded by at
# most half a unit in the last place of the larger term. A premium nearer than this to either says nothing
# about volatility.
_ROUNDING = 6 * np.finfo(np.float64).eps

_INPUTS = pa.schema(
    [
        ("contract_id", pa.int64()),
        ("bar_interval", pa.string()),
        ("bar_start", pa.timestamp("us", "UTC")),
        ("bar_end", pa.timestamp("us", "UTC")),
        ("session_date", pa.date32()),
        ("underlying", pa.string()),
        ("strike", pa.float64()),
        ("option_type", pa.string()),
        ("premium", pa.binary()),  # the server's own digits, so that what is stored equals what was read
        ("premium_source", pa.string()),
        ("underlying_price", pa.binary()),
        ("underlying_is_stale", pa.bool_()),
        ("forward_price", pa.float64()),
        ("forward_method", pa.string()),
        ("interest_rate", pa.float64()),
        ("calendar_years_to_expiry", pa.float64()),
        ("years_to_expiry", pa.float64()),
        ("is_expired", pa.bool_()),
    ]
)
_KEPT = (
    "contract_id",
    "bar_interval",
    "bar_start",
    "bar_end",
    "session_date",
    "underlying",
    "premium",
    "premium_source",
    "underlying_price",
    "forward_price",
    "forward_method",
    "interest_rate",
    "years_to_expiry",
)
_OUTPUTS = pa.schema(
    [
        *(_INPUTS.field(name) for name in _KEPT),
        ("discount_factor", pa.float64()),
        *((name, pa.float64()) for name in ("implied_volatility", "delta", "gamma", "theta", "vega", "rho")),
        ("greeks_status", pa.string()),
        *((name, pa.float64()) for name in SecondOrderGreeks._fields),
    ]
)

# Slices whose inputs have changed, and those that have more, or less, than the setting asks for.
_DUE = """
    select underlying, session_date, bar_interval, inputs_version from intermediate.greeks_slices_due
    union all
    select computed.underlying, computed.session_date, computed.bar_interval, computed.inputs_version
    from enrichment.greeks_slices as computed
    where computed.has_second_order <> %(second_order)s and not exists (
        select from intermediate.greeks_slices_due as due
        where due.underlying = computed.underlying
            and due.session_date = computed.session_date
            and due.bar_interval = computed.bar_interval
    )
"""

_RUN_LOCK = 0x7469636B_67726565  # "tickgree"
_SLICE_LOCKS = 0x67726565
_BATCH_ROWS = 65_536
_TRANSACTION_ROWS = 250_000
_MOST_SLICES_OF_A_TRANSACTION = 256
_ROWS_WORTH_A_POOL = 500_000
_ROWS_OF_A_FITTED_ROW = 8  # a row of a day takes about as long as this many minutes: its smile is fitted
_MOST_PROCESSES = 16  # each holds a connection
_SECONDS_TO_REACH_A_CLUSTER = 30
_RETRIES_OF_A_UNIT = 2


@dataclass(frozen=True, order=True)
class Slice:
    """What is computed and committed as a whole: one underlying, session date and bar interval."""

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


@dataclass(frozen=True)
class Progress:
    """How far a run is, given to its progress callback after every commit."""

    slices_done: int
    slices_due: int
    rows: int
    seconds: float


def compute_due(
    *,
    processes: int | None = None,
    cluster: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Bring enrichment.option_greeks up to date with intermediate.greeks_slices_due.

    Due are, too, slices that have second-order Greeks while the setting says they shall not, or the other way
    about (`second_order_greeks`, TICKMART_SECOND_ORDER_GREEKS).

    Each slice is replaced in one transaction together with its row in enrichment.greeks_slices, so a run
    that is killed leaves whole slices, and the next one goes on with the others. With nothing due nothing is
    written.

    Parameters
    ----------
    processes : int, optional
        Most worker processes. Default: one per core that this process may use, at most 16. Little work is
        done in this process, whatever the number.
    cluster : str, optional
        Address of a Dask scheduler, such as `tcp://scheduler:8786`; its workers then do all of the work. They
        need tickmart and settings of their own that name the same database.
    on_progress : callable, optional
        Called with a `Progress` after every commit.

    Returns
    -------
    Outcome
        What was written.

    Raises
    ------
    TickmartError
        Another run is at work on this database; the message says whose. No such cluster, or one without
        workers.
    """
    started = monotonic()
    total = Outcome()
    with _only_run() as connection:
        due = _due_slices(connection)
        if not due:
            return total
        log.info("greeks_due", slices=len(due))
        plan = _Plan(due)

        def note(part: Outcome, unit: Sequence[Slice]) -> None:
            plan.learn(unit, part)
            total.add(part)
            total.seconds = monotonic() - started
            log.debug(
                "greeks_committed",
                underlying=unit[0].underlying,
                bar_interval=unit[0].bar_interval,
                first=str(unit[0].session_date),
                last=str(unit[-1].session_date),
                slices=part.slices,
                removed=part.removed,
                rows=part.rows,
            )
            if on_progress is not None:
                on_progress(Progress(plan.done, len(due), total.rows, total.seconds))

        if cluster is not None:
            with _dask_workers(cluster) as (executor, workers):
                _compute_in_pool(plan, executor, workers, note)
        else:
            most = processes or _default_processes()
            with _Worker() as worker:
                while plan.left and (most == 1 or plan.rows_left() < _ROWS_WORTH_A_POOL):
                    unit = plan.take()
                    note(worker.compute(unit, second_order=settings().second_order_greeks), unit)
            if plan.left:
                with _own_processes(most) as executor:
                    _compute_in_pool(plan, executor, most, note)
        _analyze(connection, {item.session_date for item in due})
    total.seconds = monotonic() - started
    log.info("greeks_done", slices=total.slices, removed=total.removed, rows=total.rows, **total.statuses)
    return total


def compute_slice(underlying: str, session_date: date, bar_interval: str) -> Outcome:
    """Bring one slice up to date: the unit of work for Prefect, Dask or any other map.

    Parameters
    ----------
    underlying : str
        Such as `NIFTY`.
    session_date : date
        Exchange date of the session.
    bar_interval : str
        `minute`, `hour`, `built day` or `day` (the official one).

    Returns
    -------
    Outcome
        Empty where the slice was not due. Safe to run beside itself and beside `compute_due`: the second to
        come waits, and finds nothing due.
    """
    started = monotonic()
    with _Worker() as worker:
        outcome = worker.compute(
            [Slice(underlying, bar_interval, session_date)], second_order=settings().second_order_greeks
        )
    outcome.seconds = monotonic() - started
    return outcome


def price_rows(
    batch: pa.RecordBatch, *, second_order: bool = True, days_of_theta: int = 365
) -> pa.RecordBatch:
    """Compute status, implied volatility and Greeks for rows of intermediate.option_pricing_inputs.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Columns of the view, `premium` and `underlying_price` as `binary` (see `copy_out`).
    second_order : bool
        Whether to compute second-order Greeks; without them their columns are NULL.
    days_of_theta : int
        Days in the year that theta, charm, color and veta are per one of: 365 calendar or 252 trading days.

    Returns
    -------
    pyarrow.RecordBatch
        Columns of enrichment.option_greeks. Implied volatility and Greeks are NULL unless the status is `ok`.

    Notes
    -----
    The status is the first that applies: no_price, expired, then where there is no forward no_underlying,
    stale_underlying or no_rate, then below_intrinsic, at_intrinsic and above_bound (by the discounted
    intrinsic value and bound, at = within the rounding of these numbers), then ok.

    Volatility runs over `years_to_expiry`, interest over `calendar_years_to_expiry`. Greeks are by the spot
    that the forward implies, forward * discount_factor, which is the underlying's price where the forward was
    made of it.
    """
    premium = numeric_as_float(batch.column("premium"))
    underlying = numeric_as_float(batch.column("underlying_price"))
    forward = _floats(batch, "forward_price")
    strike = _floats(batch, "strike")
    rate = _floats(batch, "interest_rate")
    years = _floats(batch, "years_to_expiry")
    calendar_years = _floats(batch, "calendar_years_to_expiry")
    is_call = _as_bools(pc.equal(batch.column("option_type"), "CE"))
    stale = _as_bools(batch.column("underlying_is_stale"))
    expired = _as_bools(batch.column("is_expired"))

    with np.errstate(all="ignore"):
        discount = np.exp(-rate * calendar_years)
        spot = forward * discount
        paid_at_expiry = strike * discount
        intrinsic = np.maximum(np.where(is_call, spot - paid_at_expiry, paid_at_expiry - spot), 0.0)
        bound = np.where(is_call, spot, paid_at_expiry)
        # Out of the money the intrinsic value is exactly zero and any positive premium counts.
        doubt = np.where(intrinsic > 0, _ROUNDING * np.maximum(spot, paid_at_expiry), 0.0)
        no_forward = ~(forward > 0)
        status = np.select(
            [
                np.isnan(premium),
                expired | ~(years > 0),
                no_forward & ~(underlying > 0),
                no_forward & stale,
                ~np.isfinite(rate),
                no_forward,
                premium < intrinsic - doubt,
                premium <= intrinsic + doubt,
                premium >= bound * (1.0 - _ROUNDING),
            ],
            [
                _NO_PRICE,
                _EXPIRED,
                _NO_UNDERLYING,
                _STALE_UNDERLYING,
                _NO_RATE,
                _NO_UNDERLYING,
                _BELOW_INTRINSIC,
                _AT_INTRINSIC,
                _ABOVE_BOUND,
            ],
            _OK,
        ).astype(np.int8)

    rows = np.flatnonzero(status == _OK)
    volatility = implied_volatility(
        premium[rows], forward[rows], strike[rows], years[rows], discount[rows], is_call[rows]
    )
    # Sums that are rounded once more inside: a premium that lies within it of a limit has no answer.
    unsolved = np.isnan(volatility)
    if unsolved.any():
        lost = rows[unsolved]
        near_bound = premium[lost] - intrinsic[lost] > bound[lost] - premium[lost]
        status[lost] = np.where(near_bound, _ABOVE_BOUND, _AT_INTRINSIC)
        rows, volatility = rows[~unsolved], volatility[~unsolved]
    solved = (forward[rows], strike[rows], years[rows], volatility, discount[rows], is_call[rows])

    first = greeks(*solved)
    per_day = DAYS_OF_A_YEAR / days_of_theta
    # The discount moves with the calendar, however volatility counts its time.
    rho = first.rho * (calendar_years[rows] / years[rows])
    first = first._replace(theta=first.theta * per_day, rho=rho)
    columns = [
        *(batch.column(name) for name in _KEPT),
        _or_null(discount),
        *(_scattered(values, rows, batch.num_rows) for values in (volatility, *first)),
        pa.DictionaryArray.from_arrays(pa.array(status), pa.array(STATUSES, pa.string())).cast(pa.string()),
    ]
    if second_order:
        second = second_order_greeks(*solved)
        second = second._replace(
            charm=second.charm * per_day, color=second.color * per_day, veta=second.veta * per_day
        )
        columns += [_scattered(values, rows, batch.num_rows) for values in second]
    else:
        columns += [pa.nulls(batch.num_rows, pa.float64()) for _ in SecondOrderGreeks._fields]
    return pa.RecordBatch.from_arrays(columns, schema=_OUTPUTS)


def _floats(batch: pa.RecordBatch, name: str) -> Floats:
    values: Floats = batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def _as_bools(column: pa.BooleanArray) -> Bools:
    flags: Bools = column.fill_null(False).to_numpy(zero_copy_only=False)
    return flags


def _scattered(values: Floats, rows: np.ndarray[Any, Any], length: int) -> pa.Array:
    full = np.zeros(length)
    missing = np.ones(length, bool)
    full[rows] = values
    missing[rows] = ~np.isfinite(values)
    return pa.array(full, mask=missing)


def _or_null(values: Floats) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))


def _due_slices(connection: psycopg2.extensions.connection) -> list[Slice]:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('intermediate.greeks_slices_due')")
        if cursor.fetchone() == (None,):
            raise TickmartError(
                "there are no pricing inputs yet (intermediate.greeks_slices_due): run tickmart build"
            )
        cursor.execute(
            f"select underlying, bar_interval, session_date from ({_DUE}) as due",
            {"second_order": settings().second_order_greeks},
        )
        due = sorted(Slice(*row) for row in cursor.fetchall())
    connection.commit()
    return due


def _analyze(connection: psycopg2.extensions.connection, dates: Iterable[date]) -> None:
    # The marts join these rows at once; until autovacuum comes by, the planner would take new chunks for
    # empty.
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('%%I.%%I', chunk_schema, chunk_name) from timescaledb_information.chunks"
            " where hypertable_schema = 'enrichment' and hypertable_name = 'option_greeks'"
            " and exists (select from unnest(%s::date[]) as due (day)"
            " where range_start < day + 2 and range_end > day - 1)",
            (list(dates),),
        )
        for (chunk,) in cursor.fetchall():
            cursor.execute(f"analyze {chunk}")
    connection.commit()


class _Plan:
    """Hands out units of work: dates of one underlying and interval, as many as make one transaction."""

    def __init__(self, due: Sequence[Slice]) -> None:
        self._queues: dict[tuple[str, str], deque[Slice]] = {}
        for item in due:
            self._queues.setdefault((item.underlying, item.bar_interval), deque()).append(item)
        self._slices: Counter[tuple[str, str]] = Counter()
        self._rows: Counter[tuple[str, str]] = Counter()
        self._size: dict[tuple[str, str], int] = {}
        self.left = len(due)
        self.done = 0

    def take(self) -> list[Slice]:
        key = next(key for key, queue in self._queues.items() if queue)
        queue = self._queues[key]
        unit = [queue.popleft() for _ in range(min(self._size.get(key, 1), len(queue)))]
        self.left -= len(unit)
        return unit

    def learn(self, unit: Sequence[Slice], outcome: Outcome) -> None:
        key = (unit[0].underlying, unit[0].bar_interval)
        self.done += len(unit)
        self._slices[key] += len(unit)
        self._rows[key] += outcome.rows * (_ROWS_OF_A_FITTED_ROW if key[1] in FITTED_INTERVALS else 1)
        wanted = _TRANSACTION_ROWS * self._slices[key] // max(self._rows[key], 1)
        self._size[key] = max(1, min(wanted, 8 * len(unit), _MOST_SLICES_OF_A_TRANSACTION))

    def rows_left(self) -> float:
        """Guess by the slices done how many rows are left; one whose smile is fitted counts as several."""
        return sum(len(queue) * self._rows_of_slice(key) for key, queue in self._queues.items() if queue)

    def _rows_of_slice(self, key: tuple[str, str]) -> float:
        alike = [key] if key in self._slices else [other for other in self._slices if other[1] == key[1]]
        done = alike or list(self._slices)
        return sum(self._rows[other] for other in done) / max(sum(self._slices[other] for other in done), 1)


class _Worker:
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

    def compute(self, unit: Sequence[Slice], *, second_order: bool) -> Outcome:
        """Replace the slices of a unit (one underlying and interval) in one transaction."""
        underlying, bar_interval = unit[0].underlying, unit[0].bar_interval
        outcome = Outcome()
        try:
            with self._writer.cursor() as cursor:
                # What a crash of the server takes back is whole slices, which are then due again.
                cursor.execute("set local synchronous_commit = off")
                # Before the inputs are read: whoever waited here then sees what the other has written.
                for item in sorted(unit):
                    cursor.execute(
                        "select pg_advisory_xact_lock(%s, hashtext(%s))",
                        (_SLICE_LOCKS, f"{item.underlying} {item.bar_interval} {item.session_date}"),
                    )
                versions = self._versions(
                    underlying, bar_interval, [item.session_date for item in unit], second_order=second_order
                )
                if not versions:
                    return outcome
                dates = sorted(versions)
                kept = [day for day in dates if versions[day] is not None]
                gone = [day for day in dates if versions[day] is None]
                cursor.execute(
                    "delete from enrichment.option_greeks where underlying = %s and bar_interval = %s"
                    " and session_date = any(%s) and bar_start >= %s and bar_start < %s",
                    (underlying, bar_interval, dates, *_bar_range(dates)),
                )
                rows: Counter[date] = Counter()
                if kept:
                    # Closed before the rollback, which would wait for ever on a reader whose COPY is half
                    # read.
                    days_of_theta = self._days_of_theta()
                    with closing(self._inputs(underlying, bar_interval, kept)) as inputs:
                        priced = (
                            price_rows(batch, second_order=second_order, days_of_theta=days_of_theta)
                            for batch in inputs
                        )
                        results = _counted(priced, rows, outcome.statuses)
                        copy_in(self._writer, "enrichment.option_greeks", results)
                    cursor.executemany(
                        "insert into enrichment.greeks_slices"
                        " (underlying, session_date, bar_interval, inputs_version, rows, has_second_order)"
                        " values (%s, %s, %s, %s, %s, %s)"
                        " on conflict (underlying, session_date, bar_interval)"
                        " do update set inputs_version = excluded.inputs_version, rows = excluded.rows,"
                        " has_second_order = excluded.has_second_order",
                        [
                            (underlying, day, bar_interval, versions[day], rows[day], second_order)
                            for day in kept
                        ],
                    )
                replace_surfaces(cursor, underlying, bar_interval, dates, _bar_range(dates))
                if gone:
                    cursor.execute(
                        "delete from enrichment.greeks_slices"
                        " where underlying = %s and bar_interval = %s and session_date = any(%s)",
                        (underlying, bar_interval, gone),
                    )
            self._writer.commit()
        finally:
            self._reader.rollback()
            self._writer.rollback()
        outcome.slices, outcome.removed, outcome.rows = len(kept), len(gone), rows.total()
        return outcome

    def _versions(
        self, underlying: str, bar_interval: str, dates: list[date], *, second_order: bool
    ) -> dict[date, str | None]:
        with self._reader.cursor() as cursor:
            # Versions and inputs are of one moment: a build that commits between the two reads changes
            # neither.
            cursor.execute("set transaction isolation level repeatable read, read only")
            cursor.execute(
                f"select session_date, inputs_version from ({_DUE}) as due"
                " where underlying = %(underlying)s and bar_interval = %(bar_interval)s"
                " and session_date = any(%(dates)s)",
                {
                    "second_order": second_order,
                    "underlying": underlying,
                    "bar_interval": bar_interval,
                    "dates": dates,
                },
            )
            return dict(cursor.fetchall())

    def _days_of_theta(self) -> int:
        with self._reader.cursor() as cursor:
            cursor.execute("select days_of_theta from intermediate.int_greeks__rules")
            days: int = cursor.fetchone()[0]  # type: ignore[index]
        return days

    def _inputs(self, underlying: str, bar_interval: str, dates: list[date]) -> Generator[pa.RecordBatch]:
        first, last = _bar_range(dates)
        one_or_more = "session_date = %(dates)s" if len(dates) == 1 else "session_date = any(%(dates)s)"
        return copy_out(
            self._reader,
            f"select {', '.join(_INPUTS.names)} from intermediate.option_pricing_inputs"
            f" where underlying = %(underlying)s and bar_interval = %(bar_interval)s and {one_or_more}"
            " and bar_start >= %(first)s and bar_start < %(last)s"
            # The same bounds for the forwards, which their outer join would not pass on.
            " and forward_bar_start >= %(first)s and forward_bar_start < %(last)s",
            {
                "underlying": underlying,
                "bar_interval": bar_interval,
                "dates": dates[0] if len(dates) == 1 else dates,
                "first": first,
                "last": last,
            },
            schema=_INPUTS,
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


@contextmanager
def _only_run() -> Iterator[psycopg2.extensions.connection]:
    with connect() as connection:
        with connection.cursor() as cursor:
            # Told to whoever finds the lock taken; the server keeps 63 bytes of it.
            cursor.execute(
                "select set_config('application_name', %s, false)",
                (f"tickmart greeks, pid {os.getpid()} on {socket.gethostname()}"[:63],),
            )
            cursor.execute("select pg_try_advisory_lock(%s)", (_RUN_LOCK,))
            if not cursor.fetchone()[0]:  # type: ignore[index]
                raise TickmartError(_holder(cursor))
        connection.commit()  # the lock is the session's; an open transaction would hold up vacuum
        yield connection


def _holder(cursor: psycopg2.extensions.cursor) -> str:
    cursor.execute(
        "select a.application_name, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database ="
        " (select oid from pg_database where datname = current_database())"
        " and l.classid = %s and l.objid = %s",
        (_RUN_LOCK >> 32, _RUN_LOCK & 0xFFFFFFFF),
    )
    row: tuple[str, datetime] | None = cursor.fetchone()
    if row is None:
        return "another run of the Greeks was at work a moment ago: try again"
    return (
        f"another run of the Greeks is at work: {row[0]}, since {row[1]:%Y-%m-%d %H:%M:%S %Z}. "
        "Wait for it, or stop it"
    )


_workers = threading.local()  # one each: a worker of Dask may have several threads


def _start_worker(parent: int) -> None:
    # An interrupt reaches the whole group; the parent decides, so that a worker finishes the slices in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)


def _compute_in_worker(unit: Sequence[Slice], second_order: bool) -> Outcome:
    worker: _Worker = getattr(_workers, "worker", None) or _Worker().__enter__()
    # After an error the next unit begins with connections of its own: these may be broken.
    _workers.worker = None
    outcome = worker.compute(unit, second_order=second_order)
    _workers.worker = worker
    return outcome


def _default_processes() -> int:
    # A container or taskset may grant fewer cores than the machine has.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, _MOST_PROCESSES)


@contextmanager
def _own_processes(processes: int) -> Iterator[concurrent.futures.Executor]:
    with concurrent.futures.ProcessPoolExecutor(
        processes,
        # Spawned, not forked: a fork would share the open connections.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(os.getpid(),),
    ) as pool:
        yield pool


@contextmanager
def _dask_workers(cluster: str) -> Iterator[tuple[concurrent.futures.Executor, int]]:
    # Loading it takes a second, which only runs on a cluster need.
    from distributed import Client

    try:
        client = Client(  # type: ignore[no-untyped-call]
            cluster, timeout=_SECONDS_TO_REACH_A_CLUSTER, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise TickmartError(f"no Dask scheduler answers at {cluster}: {error}") from error
    with client:
        workers = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        if not workers:
            raise TickmartError(
                f"the Dask scheduler at {cluster} has no workers: start some with dask worker {cluster}"
            )
        # A unit is safe to do again, whole or half done, so that a worker may die.
        executor = client.get_executor(  # type: ignore[no-untyped-call]
            pure=False, retries=_RETRIES_OF_A_UNIT
        )
        yield executor, workers


def _compute_in_pool(
    plan: _Plan,
    pool: concurrent.futures.Executor,
    workers: int,
    note: Callable[[Outcome, Sequence[Slice]], None],
) -> None:
    second_order = settings().second_order_greeks
    running: dict[concurrent.futures.Future[Outcome], list[Slice]] = {}
    try:
        while plan.left or running:
            while plan.left and len(running) < workers + 1:
                unit = plan.take()
                running[pool.submit(_compute_in_worker, unit, second_order)] = unit
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                note(future.result(), running.pop(future))
    except BaseException:
        for future in running:
            future.cancel()
        pool.shutdown(wait=True)
        raise
