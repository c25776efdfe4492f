"""The one function that asks a vendor: page by page, within its limits, each answer archived and landed."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import psycopg2
import pyarrow as pa
import tenacity
from psycopg2 import extensions

from loaders import layouts
from loaders.fetching import archive
from loaders.fetching.errors import Busy, KeyRefused, Unanswered
from loaders.fetching.limits import Limits, Pace
from loaders.fetching.pages import Answered, Ledger, Page, Request
from loaders.fetching.port import Fetcher, Session
from loaders.landing import ledger
from loaders.landing.one_page import Answer, land_page
from loaders.landing.outcomes import Listener, Outcome, Report
from loaders.landing.raw_tables import create_raw_tables
from loaders.source import Source
from loaders.sources import SOURCES
from warehouse import database
from warehouse.database import locks
from warehouse.database.errors import in_plain_words, said_plainly
from warehouse.errors import TickmartError
from warehouse.paths import printable
from warehouse.settings import secret, secret_setting

# So many pages in a row without an answer mean that the vendor or the network fails, not the page.
_MOST_UNANSWERED = 3


Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _NothingMoreError(TickmartError):
    """Nothing more is asked of the vendor in this run."""


def plan(source: str, request: Request) -> list[Page]:
    """Return the pages that `fetch` would ask for now, without asking anybody.

    Parameters
    ----------
    source : str
        Name of a source that can be asked.
    request : Request

    Raises
    ------
    TickmartError
        The source is unknown or gives only files; it has no such interval; the range is empty.
    """
    wanted, fetcher = _fetcher_of(source)
    _check_request(wanted, fetcher, request)
    database.migrate()
    with said_plainly("cannot plan"), database.connect() as connection:
        return _planned(connection, wanted, fetcher, request, _utc_now())


def check(source: str) -> None:
    """Ask the vendor the cheapest question there is, so that a wrong key shows before anything is fetched.

    Raises
    ------
    TickmartError
        The vendor does not answer, or does not accept the key; the message names the setting.
    """
    wanted, fetcher = _fetcher_of(source)
    with _opened(wanted, fetcher) as session:
        try:
            _retrying(fetcher.limits, Pace(fetcher.limits), Listener(), "a first question")(session.check)
        except KeyRefused as error:
            raise _key_refused(wanted, fetcher, error) from error
        except Unanswered as error:
            raise TickmartError(f"{source} does not answer: {error}") from error


def fetch(
    source: str,
    request: Request,
    *,
    force: bool = False,
    listener: Listener | None = None,
    clock: Clock = _utc_now,
) -> Report:
    """Ask for the pages of a range that are due, and land each answer in a transaction of its own.

    Pages that the ledger has are not asked for again, so a run that was stopped goes on where it stopped. An
    answer is kept in the archive before it lands. Bars that were not over when they were asked for do not
    land. An answer without trading becomes an `empty` load, a missing answer a `failed` one.

    Parameters
    ----------
    source : str
        Name of a source that can be asked.
    request : Request
    force : bool
        Let an answer without rows replace one with rows.
    listener : Listener or None
        Hears of the progress.
    clock : callable
        Tells the time, in UTC.

    Returns
    -------
    Report
        One outcome per page that was asked for.

    Raises
    ------
    TickmartError
        As for `plan`; a secret is missing, or the key is refused, which ends the run; several pages in a row
        had no answer; another fetch of this source is at work. What landed before stays.
    """
    wanted, fetcher = _fetcher_of(source)
    _check_request(wanted, fetcher, request)
    listener = listener or Listener()
    report = Report()
    database.migrate()
    with (
        said_plainly("cannot fetch"),
        locks.held(f"raw fetch {source}", f"another fetch of {source} is at work"),
        database.connect() as connection,
    ):
        create_raw_tables(connection)
        pages = _planned(connection, wanted, fetcher, request, clock())
        connection.commit()
        with _opened(wanted, fetcher) as session:
            run = _Run(connection, wanted, fetcher, session, Pace(fetcher.limits), force, listener, clock)
            for page in pages:
                listener.starts(page.name, 0)
                try:
                    report.outcomes.append(run.page(page))
                except _NothingMoreError as error:
                    landed = len(report.outcomes) - report.count("failed")
                    raise TickmartError(
                        f"{error}. Of {len(pages)} pages {landed} were answered and stay; run the same"
                        " command again to go on"
                    ) from error
                listener.ends(report.outcomes[-1])
    return report


class _Run:
    """What the pages of one call have in common."""

    def __init__(
        self,
        connection: extensions.connection,
        source: Source,
        fetcher: Fetcher,
        session: Session,
        pace: Pace,
        force: bool,
        listener: Listener,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._connection = connection
        self._source = source
        self._fetcher = fetcher
        self._session = session
        self._pace = pace
        self._force = force
        self._listener = listener
        self._unanswered = 0

    def page(self, page: Page) -> Outcome:
        """Ask for a page and land its answer.

        Raises
        ------
        _NothingMoreError
        """
        started_at, clock = datetime.now(UTC), time.monotonic()
        try:
            answer, content = self._asked(page, started_at)
            outcome = self._landed(page, answer, content)
        except _NothingMoreError:
            raise
        except KeyRefused as error:
            raise _NothingMoreError(str(_key_refused(self._source, self._fetcher, error))) from error
        except (TickmartError, psycopg2.Error) as error:
            outcome = self._failed(page, started_at, error)
        self._unanswered = 0 if outcome.status != "failed" else self._unanswered
        return replace(outcome, seconds=time.monotonic() - clock)

    def _asked(self, page: Page, started_at: datetime) -> tuple[Answer, bytes]:
        try:
            answered = _retrying(self._fetcher.limits, self._pace, self._listener, page.name)(
                lambda: self._answer(page, started_at)
            )
        except Unanswered as error:
            self._unanswered += 1
            if self._unanswered >= _MOST_UNANSWERED or _is_too_long(error, self._fetcher.limits):
                self._failed(page, started_at, error)
                raise _NothingMoreError(f"{self._source.name} does not answer: {error}") from error
            raise
        return answered

    def _answer(self, page: Page, started_at: datetime) -> tuple[Answer, bytes]:
        asked_at = self._clock()
        content = self._session.fetch(page)
        table = self._fetcher.rows(content, page)
        layout, rows = self._as_raw(page, table)
        times = self._times(page, rows)
        length = self._fetcher.intervals[page.interval]
        lands = [page.start <= moment < page.end and moment + length <= asked_at for moment in times]
        answer = Answer(
            page.uri,
            page.name,
            layout,
            rows.filter(pa.array(lands, pa.bool_())),
            [place for place, wanted in enumerate(lands) if wanted],
            [moment for moment, wanted in zip(times, lands, strict=True) if wanted],
            asked_at,
            started_at,
            hashlib.sha256(content).hexdigest(),
            len(content),
            self._fetcher.suffix.removeprefix("."),
        )
        return answer, content

    def _as_raw(self, page: Page, table: pa.Table) -> tuple[layouts.Layout, pa.Table]:
        chosen = layouts.choose(table.column_names, self._source.layouts)
        if chosen is None:
            known = {self._source.name: self._source.layouts}
            raise layouts.unknown_layout(page.name, table.column_names, known)
        layout, columns = chosen
        odd = [field.name for field in table.schema if not _is_text(field.type)]
        if odd:
            raise TickmartError(f"{self._source.name} gives {', '.join(odd)} as numbers; raw rows are text")
        return layout, table.rename_columns(list(columns))

    def _times(self, page: Page, rows: pa.Table) -> list[datetime]:
        times: list[datetime] = self._fetcher.times(rows, page).cast(pa.timestamp("us", "UTC")).to_pylist()
        return times

    def _landed(self, page: Page, answer: Answer, content: bytes) -> Outcome:
        outcome = land_page(
            self._connection,
            self._source,
            answer,
            partial(self._times, page),
            partial(archive.keep, page, answer.asked_at, self._fetcher.suffix, content),
            complete_for_ever=self._fetcher.complete_for_ever,
            force=self._force,
            listener=self._listener,
        )
        self._connection.commit()
        return outcome

    def _failed(self, page: Page, started_at: datetime, error: Exception) -> Outcome:
        if self._connection.closed:
            raise _NothingMoreError(f"the database went away ({in_plain_words(error)})") from error
        self._connection.rollback()
        why = str(error) if isinstance(error, TickmartError) else in_plain_words(error)
        message = printable(f"{self._source.name}, {page.name}: {why}")
        with self._connection.cursor() as cursor:
            entry = ledger.Entry(self._source, page.uri, "failed", started_at, error=message)
            load_id = ledger.write(cursor, entry)
        self._connection.commit()
        return Outcome(page.uri, page.name, "failed", load_id, error=message)


def _fetcher_of(name: str) -> tuple[Source, Fetcher]:
    source = SOURCES.named(name)
    if source.fetcher is None:
        asked = [other.name for other in SOURCES.values() if other.fetcher is not None]
        raise TickmartError(
            f"{name} cannot be asked, it gives files: tickmart load {name} PATH…"
            f" Sources that can be asked: {', '.join(asked) or 'none'}"
        )
    return source, source.fetcher


def _check_request(source: Source, fetcher: Fetcher, request: Request) -> None:
    if request.interval not in fetcher.intervals:
        raise TickmartError(
            f"{source.name} has no interval {request.interval!r}; it has {', '.join(fetcher.intervals)}"
        )
    if not request.symbols:
        raise TickmartError(f"say what to ask {source.name} for: one symbol or more")
    if request.start >= request.end:
        raise TickmartError(f"the range from {request.start} to {request.end} is empty")


def _planned(
    connection: extensions.connection, source: Source, fetcher: Fetcher, request: Request, now: datetime
) -> list[Page]:
    with connection.cursor() as cursor:
        answers = {
            uri: Answered(datetime.fromisoformat(asked_at), rows)
            for uri, asked_at, rows in ledger.asked(cursor, source)
        }
    return list(fetcher.plan(request, Ledger(answers, fetcher.settled_after, now)))


@contextmanager
def _opened(source: Source, fetcher: Fetcher) -> Iterator[Session]:
    secrets: Mapping[str, str] = {name: secret(name, source.name) for name in fetcher.secrets}
    with fetcher.open(secrets) as session:
        yield session


def _retrying[Answered](
    limits: Limits, pace: Pace, listener: Listener, name: str
) -> Callable[[Callable[[], Answered]], Answered]:
    backoff = tenacity.wait_exponential_jitter(multiplier=limits.backoff, max=60, jitter=limits.backoff)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        said = error.wait if isinstance(error, Busy) else None
        return backoff(state) if said is None else said

    def asks_again(error: BaseException) -> bool:
        return isinstance(error, Unanswered) and not _is_too_long(error, limits)

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0
        listener.waits(f"{name} is asked again in {seconds:.1f} s, after: {error}")

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(asks_again),
        stop=tenacity.stop_after_attempt(limits.tries),
        wait=wait,
        before=lambda _: pace.wait(),
        before_sleep=tell,
        reraise=True,
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _is_too_long(error: BaseException, limits: Limits) -> bool:
    return isinstance(error, Busy) and error.wait is not None and error.wait > limits.longest_wait


def _key_refused(source: Source, fetcher: Fetcher, error: KeyRefused) -> TickmartError:
    settings = " or ".join(map(secret_setting, fetcher.secrets)) or "no setting: it needs none"
    return TickmartError(
        f"{source.name} does not take the key ({error}). It is in {settings}: get a new one and set it there"
    )
