"""The Greeks step: reads the pricing inputs and writes the Greeks, slice by slice."""

import concurrent.futures
import multiprocessing
import os
import signal
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from time import monotonic
from typing import NamedTuple, Self

import psycopg2.extensions
import structlog

from greeks.slices import Outcome, Slice, SliceWorker, slices_due
from greeks.surface import INTERVALS as FITTED_INTERVALS
from greeks.tables import TABLES
from warehouse.database import connect, locks
from warehouse.errors import TickmartError
from warehouse.logs import log_to_stderr
from warehouse.processes import end_with
from warehouse.settings import settings

log = structlog.get_logger()

_TRANSACTION_ROWS = 250_000
_MOST_SLICES_OF_A_TRANSACTION = 256
_ROWS_WORTH_A_POOL = 500_000
_ROWS_OF_A_FITTED_ROW = 8  # a row of a day takes as long as about this many of minutes: its smile is fitted
_MOST_PROCESSES = 16  # each holds a connection
_SECONDS_TO_REACH_A_CLUSTER = 30
_RETRIES_OF_A_UNIT = 2


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
    """Bring the Greeks up to date with intermediate.greeks_slices_due.

    Slices are also due if they have second-order Greeks while the setting says that they shall not, or the
    other way round (`second_order_greeks`, TICKMART_SECOND_ORDER_GREEKS).

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
        need tickmart and settings of their own that name the same database. Default: the setting
        `dask_cluster`, unless processes are given.
    on_progress : callable, optional
        Called with a `Progress` after every commit.

    Returns
    -------
    Outcome
        What was written.

    Raises
    ------
    TickmartError
        Another run is at work on this database; the message says whose. There is no such cluster, it has no
        workers, or a worker is on another database.
    """
    if processes is None and cluster is None:
        cluster = settings().dask_cluster
    second_order = settings().second_order_greeks
    started = monotonic()
    total = Outcome()
    with _only_run() as run, connect() as connection:
        due = slices_due(connection, second_order=second_order)
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
                exchange=unit[0].exchange,
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

        work = partial(_compute_in_worker, second_order=second_order, run=run)
        if cluster is not None:
            with _dask_workers(cluster) as (executor, workers):
                _compute_in_pool(plan, executor, workers, work, note)
        else:
            most = processes or _default_processes()
            with SliceWorker() as worker:
                while plan.left and (most == 1 or plan.rows_left() < _ROWS_WORTH_A_POOL):
                    unit = plan.take()
                    note(worker.compute(unit, second_order=second_order), unit)
            if plan.left:
                with _own_processes(most) as executor:
                    _compute_in_pool(plan, executor, most, work, note)
        _analyze(connection, {item.session_date for item in due})
    total.seconds = monotonic() - started
    log.info("greeks_done", slices=total.slices, removed=total.removed, rows=total.rows, **total.statuses)
    return total


def compute_slice(exchange: str, underlying: str, session_date: date, bar_interval: str) -> Outcome:
    """Bring one slice up to date: the unit of work for Prefect, Dask or any other map.

    Parameters
    ----------
    exchange : str
        Such as `NSE`; empty where nobody says it.
    underlying : str
        Such as `NIFTY`.
    session_date : date
        Exchange date of the session.
    bar_interval : str
        `minute`, `hour`, `built day`, `day` (the official one) or `snapshot`.

    Returns
    -------
    Outcome
        Empty where the slice was not due. Safe to run beside itself and beside `compute_due`: the second to
        come waits, and finds nothing due.
    """
    started = monotonic()
    with SliceWorker() as worker:
        outcome = worker.compute(
            [Slice(exchange, underlying, bar_interval, session_date)],
            second_order=settings().second_order_greeks,
        )
    outcome.seconds = monotonic() - started
    return outcome


def _analyze(connection: psycopg2.extensions.connection, dates: Iterable[date]) -> None:
    # The marts join these rows at once; until autovacuum comes by, the planner would assume that new chunks
    # are empty.
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('%%I.%%I', chunk_schema, chunk_name) from timescaledb_information.chunks"
            " where format('%%s.%%s', hypertable_schema, hypertable_name) = any(%s)"
            " and exists (select from unnest(%s::date[]) as due (day)"
            " where range_start < day + 2 and range_end > day - 1)",
            (list(TABLES), list(dates)),
        )
        for (chunk,) in cursor.fetchall():
            cursor.execute(f"analyze {chunk}")
            # Summarise new pages in BRIN indexes. Only the table's owner may; if another user computes,
            # autovacuum does.
            cursor.execute(
                "select brin_summarize_new_values(indexrelid) from pg_index"
                " inner join pg_class on pg_class.oid = indexrelid inner join pg_am on pg_am.oid = relam"
                " where indrelid = %s::regclass and amname = 'brin' and pg_has_role(relowner, 'usage')",
                (chunk,),
            )
    connection.commit()


class _Chain(NamedTuple):
    exchange: str
    underlying: str
    bar_interval: str

    @classmethod
    def of(cls, item: Slice) -> Self:
        return cls(item.exchange, item.underlying, item.bar_interval)


class _Plan:
    """Hands out units of work: as many dates of one chain and interval as make one transaction."""

    def __init__(self, due: Sequence[Slice]) -> None:
        self._queues: dict[_Chain, deque[Slice]] = {}
        for item in due:
            self._queues.setdefault(_Chain.of(item), deque()).append(item)
        self._slices: Counter[_Chain] = Counter()
        self._rows: Counter[_Chain] = Counter()
        self._size: dict[_Chain, int] = {}
        self.left = len(due)
        self.done = 0

    def take(self) -> list[Slice]:
        key = next(key for key, queue in self._queues.items() if queue)
        queue = self._queues[key]
        unit = [queue.popleft() for _ in range(min(self._size.get(key, 1), len(queue)))]
        self.left -= len(unit)
        return unit

    def learn(self, unit: Sequence[Slice], outcome: Outcome) -> None:
        key = _Chain.of(unit[0])
        self.done += len(unit)
        self._slices[key] += len(unit)
        self._rows[key] += outcome.rows * (
            _ROWS_OF_A_FITTED_ROW if key.bar_interval in FITTED_INTERVALS else 1
        )
        wanted = _TRANSACTION_ROWS * self._slices[key] // max(self._rows[key], 1)
        self._size[key] = max(1, min(wanted, 8 * len(unit), _MOST_SLICES_OF_A_TRANSACTION))

    def rows_left(self) -> float:
        """Guess from the slices done how many rows are left; a row of a fitted smile counts as several."""
        return sum(len(queue) * self._rows_of_slice(key) for key, queue in self._queues.items() if queue)

    def _rows_of_slice(self, key: _Chain) -> float:
        alike = [key]
        if key not in self._slices:
            alike = [other for other in self._slices if other.bar_interval == key.bar_interval]
        done = alike or list(self._slices)
        return sum(self._rows[other] for other in done) / max(sum(self._slices[other] for other in done), 1)


@contextmanager
def _only_run() -> Iterator[int]:
    # Shown to whoever finds the lock taken; the server keeps 63 bytes of it.
    application = f"tickmart greeks, pid {os.getpid()} on {socket.gethostname()}"[:63]
    with locks.held(locks.GREEKS, "another run of the Greeks is at work", application) as run:
        yield run


_workers = threading.local()  # one each: a worker of Dask may have several threads


def _start_worker(parent: int) -> None:
    # An interrupt reaches the whole group. Workers leave it to the parent, so they finish the slices in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    log_to_stderr()  # stdout is for the command's answer, in which a line of the log would stand


def _compute_in_worker(unit: Sequence[Slice], *, second_order: bool, run: int) -> Outcome:
    worker: SliceWorker = getattr(_workers, "worker", None) or SliceWorker().__enter__()
    # After an error the next unit begins with connections of its own: these may be broken.
    _workers.worker = None
    worker.check_that_run_is_here(run)
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
    # Importing it takes a second, and only runs on a cluster need it.
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
        # A unit, whole or half done, can safely be done again, so a worker may die.
        executor = client.get_executor(  # type: ignore[no-untyped-call]
            pure=False, retries=_RETRIES_OF_A_UNIT
        )
        yield executor, workers


def _compute_in_pool(
    plan: _Plan,
    pool: concurrent.futures.Executor,
    workers: int,
    work: Callable[[Sequence[Slice]], Outcome],
    note: Callable[[Outcome, Sequence[Slice]], None],
) -> None:
    running: dict[concurrent.futures.Future[Outcome], list[Slice]] = {}
    try:
        while plan.left or running:
            while plan.left and len(running) < workers + 1:
                unit = plan.take()
                running[pool.submit(work, unit)] = unit
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                note(future.result(), running.pop(future))
    except BaseException:
        for future in running:
            future.cancel()
        pool.shutdown(wait=True)
        raise
