"""What asking any vendor promises. A new one needs an entry in `vendors.py` and no new test."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from vendors import PASSING, VENDORS, Bar, Fault, Vendor

from loaders.fetching import Page, Request, check, fetch, plan
from loaders.fetching.http import retry_after
from loaders.fetching.limits import Limits, Pace
from loaders.fetching.pages import grid
from loaders.landing import Listener, Report
from loaders.sources import SOURCES
from warehouse import database as databases
from warehouse.errors import TickmartError
from warehouse.settings import settings

PLUGINS = Path(__file__).parents[1] / "plugins"
MONDAY, TUESDAY, WEDNESDAY = (datetime(2025, 3, day, tzinfo=UTC) for day in (3, 4, 5))
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=VENDORS)
def vendor(
    request: pytest.FixtureRequest,
    fresh_database: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Vendor]:
    monkeypatch.setenv("TICKMART_PLUGINS_FOLDER", str(PLUGINS))
    monkeypatch.setenv("TICKMART_ARCHIVE_FOLDER", str(tmp_path / "archive"))
    with VENDORS[request.param]() as vendor:
        for name, value in vendor.environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        vendor.trades("INFY", bars(MONDAY) + bars(TUESDAY) + bars(WEDNESDAY))
        yield vendor
    monkeypatch.undo()
    settings.cache_clear()


class Heard(Listener):
    def __init__(self) -> None:
        self.waited: list[str] = []

    def waits(self, for_what: str) -> None:
        self.waited.append(for_what)


def bars(day: datetime, count: int = 4, price: int = 100) -> list[Bar]:
    return [Bar(day + timedelta(hours=4, minutes=minute), f"{price + minute}.05") for minute in range(count)]


def request(
    vendor: Vendor, *symbols: str, start: datetime = MONDAY, end: datetime = WEDNESDAY + DAY
) -> Request:
    return Request(symbols or ("INFY",), vendor.interval, start, end)


def fetched(vendor: Vendor, *symbols: str, **options: Any) -> Report:
    listener = options.pop("listener", None)
    now, force = options.pop("now", None), options.pop("force", False)
    clock = {} if now is None else {"clock": lambda: now}
    return fetch(vendor.source, request(vendor, *symbols, **options), force=force, listener=listener, **clock)


def statuses(report: Report) -> list[str]:
    return [outcome.status for outcome in report.outcomes]


def query(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def table_of(vendor: Vendor) -> str:
    (table,) = SOURCES[vendor.source].raw_tables
    return table.qualified


def landed(vendor: Vendor) -> list[tuple[str, str]]:
    """Time and close of every raw row of current loads; a time with two rows appears twice."""
    return query(
        f"select {vendor.time_column}, {vendor.close_column} from {table_of(vendor)}"
        " where _load_id in (select load_id from audit.current_loads)"
        f" order by {vendor.time_column}, _load_id, _line"
    )


def counting(vendor: Vendor) -> list[tuple[str, str]]:
    """The same, but for each time only the row of the newest load."""
    return list(dict(landed(vendor)).items())


def given(*days: list[Bar]) -> list[tuple[str, str]]:
    return [(f"{bar.time:%Y-%m-%dT%H:%M}", bar.close) for day in days for bar in day]


def archived(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file())


def test_every_source_that_can_be_asked_has_a_vendor_here() -> None:
    assert {name for name, source in SOURCES.items() if source.fetcher is not None} <= VENDORS.keys()


def test_each_page_is_archived_and_lands_as_one_load(vendor: Vendor, tmp_path: Path) -> None:
    report = fetched(vendor)

    assert statuses(report) == ["loaded"] * 3
    assert landed(vendor) == given(bars(MONDAY), bars(TUESDAY), bars(WEDNESDAY))
    loads = query(
        "select uri, sha256, bytes, rows, options ->> 'archived' from audit.current_loads order by load_id"
    )
    for (uri, sha256, size, rows, name), day in zip(loads, (MONDAY, TUESDAY, WEDNESDAY), strict=True):
        answer = (tmp_path / "archive" / name).read_bytes()
        assert uri == Page(vendor.source, "INFY", vendor.interval, day, day + DAY).uri
        assert (hashlib.sha256(answer).hexdigest(), len(answer), rows) == (sha256, size, 4)
        assert name.startswith(f"{vendor.source}/2025-03/")
    assert len(archived(tmp_path)) == 3


def test_what_was_answered_is_not_asked_again(vendor: Vendor) -> None:
    fetched(vendor, end=TUESDAY + DAY)
    fetched(vendor)

    assert vendor.asked == [("INFY", MONDAY), ("INFY", TUESDAY), ("INFY", WEDNESDAY)]
    assert statuses(fetched(vendor)) == []


def test_pages_are_the_same_whichever_range_is_asked_for(vendor: Vendor) -> None:
    fetched(vendor, start=MONDAY + timedelta(hours=5), end=MONDAY + timedelta(hours=6))
    fetched(vendor, start=MONDAY, end=MONDAY + timedelta(hours=4))

    assert vendor.asked == [("INFY", MONDAY)]
    assert landed(vendor) == given(bars(MONDAY))


def test_symbols_have_pages_of_their_own(vendor: Vendor) -> None:
    vendor.trades("M&M", bars(MONDAY, price=3000))

    fetched(vendor, "INFY", "M&M", end=TUESDAY)

    uris = [uri for (uri,) in query("select uri from audit.current_loads order by uri")]
    assert uris == [
        f"{vendor.source}://{symbol}/{vendor.interval}/20250303T000000Z" for symbol in ("INFY", "M%26M")
    ]


@pytest.mark.parametrize("fault", PASSING)
def test_a_failure_that_passes_is_asked_again_and_lands_once(vendor: Vendor, fault: Fault) -> None:
    vendor.fail(fault)
    heard = Heard()
    started = time.monotonic()

    report = fetched(vendor, end=TUESDAY, listener=heard)

    assert statuses(report) == ["loaded"]
    assert vendor.asked == [("INFY", MONDAY)] * 2
    assert landed(vendor) == given(bars(MONDAY))
    assert len(heard.waited) == 1
    assert "is asked again in" in heard.waited[0]
    if fault == "busy":
        assert time.monotonic() - started >= 1  # as its Retry-After asks


def test_no_answer_is_a_failed_load_and_the_other_pages_go_on(vendor: Vendor, tmp_path: Path) -> None:
    vendor.fail(*["unavailable"] * SOURCES[vendor.source].fetcher.limits.tries)  # type: ignore[union-attr, list-item]

    report = fetched(vendor)

    assert statuses(report) == ["failed", "loaded", "loaded"]
    assert "HTTP 503" in str(report.outcomes[0].error)
    assert query("select status, rows, error is not null from audit.loads order by load_id")[0] == (
        "failed", 0, True,
    )  # fmt: skip
    assert len(archived(tmp_path)) == 2
    assert statuses(fetched(vendor)) == ["loaded"]
    assert landed(vendor) == given(bars(MONDAY), bars(TUESDAY), bars(WEDNESDAY))


def test_no_answer_to_several_pages_in_a_row_ends_the_run(vendor: Vendor) -> None:
    vendor.fail(*["dropped"] * 100)  # type: ignore[list-item]

    with pytest.raises(
        TickmartError, match=rf"^{vendor.source} does not answer: .*Of 10 pages 0 were answered"
    ):
        fetched(vendor, end=MONDAY + 10 * DAY)

    assert len(set(vendor.asked)) == 3


def test_a_page_that_the_vendor_refuses_is_asked_for_once(vendor: Vendor) -> None:
    vendor.fail("refused")

    report = fetched(vendor)

    assert statuses(report) == ["failed", "loaded", "loaded"]
    assert vendor.asked == [("INFY", day) for day in (MONDAY, TUESDAY, WEDNESDAY)]


def test_a_vendor_that_has_no_more_to_give_today_ends_the_run_at_once(vendor: Vendor) -> None:
    fetched(vendor, end=TUESDAY)
    vendor.fail("busy for long")

    with pytest.raises(TickmartError, match=r"HTTP 429: no more today.*run the same command again to go on"):
        fetched(vendor)

    assert vendor.asked == [("INFY", MONDAY), ("INFY", TUESDAY)]
    assert statuses(fetched(vendor)) == ["loaded", "loaded"]


def test_a_key_that_expires_midway_ends_the_run_with_one_error_that_names_its_setting(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = vendor.environment[vendor.token_setting]
    vendor.expire(after=1)

    with pytest.raises(TickmartError) as caught:
        fetched(vendor)

    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert f"{vendor.source} does not take the key" in message
    assert vendor.token_setting in message
    assert "Of 3 pages 1 were answered and stay" in message
    assert vendor.asked == [("INFY", MONDAY), ("INFY", TUESDAY)]
    assert landed(vendor) == given(bars(MONDAY))
    # the vendor's own text contained the key
    assert key not in message
    assert key not in caplog.text
    assert query("select count(*) from audit.loads where loads::text like %s", f"%{key}%") == [(0,)]
    monkeypatch.setenv(vendor.token_setting, vendor.renew())
    settings.cache_clear()
    assert statuses(fetched(vendor)) == ["loaded", "loaded"]


def test_without_a_key_nobody_is_asked(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vendor.token_setting)
    settings.cache_clear()

    with pytest.raises(TickmartError, match=f"{vendor.source} needs a key: set {vendor.token_setting}"):
        fetched(vendor)

    assert vendor.asked == []


def test_no_trading_is_an_empty_load_and_is_not_asked_again(vendor: Vendor) -> None:
    vendor.trades("INFY", bars(TUESDAY))

    report = fetched(vendor)

    assert statuses(report) == ["empty", "loaded", "empty"]
    assert query("select status, rows from audit.current_loads order by load_id") == [
        ("empty", 0), ("loaded", 4), ("empty", 0),
    ]  # fmt: skip
    assert statuses(fetched(vendor)) == []


def test_an_open_page_is_asked_again_and_its_unfinished_bar_does_not_land(vendor: Vendor) -> None:
    early, later = MONDAY + timedelta(hours=4, minutes=2, seconds=30), MONDAY + timedelta(hours=9)

    first = fetched(vendor, end=TUESDAY, now=early)
    assert landed(vendor) == given(bars(MONDAY)[:2])
    second = fetched(vendor, end=TUESDAY, now=later)

    assert (second.outcomes[0].rows, second.outcomes[0].continues) == (2, first.outcomes[0].load_id)
    assert landed(vendor) == given(bars(MONDAY))
    # still open: asked once more, with nothing new in it
    assert statuses(fetched(vendor, end=TUESDAY, now=later + MINUTE)) == ["already loaded"]
    # over, but the vendor may still change its last bars
    assert statuses(fetched(vendor, end=TUESDAY, now=TUESDAY + MINUTE)) == ["already loaded"]
    assert statuses(fetched(vendor, end=TUESDAY, now=TUESDAY + timedelta(hours=1))) == ["already loaded"]
    assert statuses(fetched(vendor, end=TUESDAY)) == []


def test_rows_keep_the_places_that_they_had_in_the_answer(vendor: Vendor) -> None:
    first = fetched(vendor, end=TUESDAY, now=MONDAY + timedelta(hours=4, minutes=2))
    second = fetched(vendor, end=TUESDAY)

    for report, lines in ((first, [1, 2]), (second, [3, 4])):
        assert query(
            f"select _line - first_line + header_lines + 1 from {table_of(vendor)}"
            " join audit.loads on _load_id = load_id where load_id = %s order by _line",
            report.outcomes[0].load_id,
        ) == [(line,) for line in lines]


def test_a_page_that_lies_ahead_is_not_asked_for(vendor: Vendor) -> None:
    fetched(vendor, now=TUESDAY - MINUTE)

    assert vendor.asked == [("INFY", MONDAY)]


def test_the_same_rows_in_other_bytes_are_the_same(vendor: Vendor, tmp_path: Path) -> None:
    fetched(vendor, end=TUESDAY, now=TUESDAY - MINUTE)
    before = query("select count(*), max(load_id) from audit.loads")

    again = fetched(vendor, end=TUESDAY)

    assert statuses(again) == ["already loaded"]
    assert query("select count(*), max(load_id) from audit.loads") == before
    assert len(archived(tmp_path)) == 1


def test_a_changed_bar_lands_beside_the_old_one_and_counts(vendor: Vendor) -> None:
    fetched(vendor, end=TUESDAY, now=TUESDAY - MINUTE)
    changed = [*bars(MONDAY)[:3], Bar(bars(MONDAY)[3].time, "999.95")]
    vendor.trades("INFY", changed)

    report = fetched(vendor, end=TUESDAY)

    assert (report.outcomes[0].rows, report.outcomes[0].continues is not None) == (1, True)
    assert counting(vendor) == given(changed)
    assert len(landed(vendor)) == 5


def test_what_a_later_answer_lacks_keeps_its_rows(vendor: Vendor) -> None:
    fetched(vendor, end=TUESDAY, now=TUESDAY - MINUTE)
    vendor.trades("INFY", bars(MONDAY)[2:])

    shrunk = fetched(vendor, end=TUESDAY, now=TUESDAY)
    vendor.trades("INFY", [])
    gone = fetched(vendor, end=TUESDAY)

    assert statuses(shrunk) == statuses(gone) == ["already loaded"]
    assert landed(vendor) == given(bars(MONDAY))


def test_where_answers_are_complete_for_ever_a_later_one_replaces_the_earlier_whole(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SOURCES[vendor.source].fetcher, "complete_for_ever", True)
    first = fetched(vendor, end=TUESDAY, now=TUESDAY - MINUTE)
    vendor.trades("INFY", bars(MONDAY)[1:])

    second = fetched(vendor, end=TUESDAY, now=TUESDAY)

    assert second.outcomes[0].restates == first.outcomes[0].load_id
    assert landed(vendor) == given(bars(MONDAY)[1:])
    # an answer without any row is doubted first
    vendor.trades("INFY", [])
    doubted = fetched(vendor, end=TUESDAY, now=TUESDAY + MINUTE)
    assert statuses(doubted) == ["failed"]
    assert "but gave 3 before; say --force" in str(doubted.outcomes[0].error)
    assert landed(vendor) == given(bars(MONDAY)[1:])
    assert statuses(fetched(vendor, end=TUESDAY, force=True)) == ["empty"]
    assert landed(vendor) == []


def test_a_fetch_killed_midway_goes_on_where_it_was(vendor: Vendor, tmp_path: Path) -> None:
    days = [MONDAY + number * DAY for number in range(6)]
    vendor.trades("INFY", [bar for day in days for bar in bars(day)])
    command = [
        *(sys.executable, "-m", "tickmart", "fetch", vendor.source, "INFY", "--interval", vendor.interval),
        *("--start", "2025-03-03", "--end", "2025-03-08"),
    ]
    for killed_at in (2, 4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while len(set(vendor.asked)) < killed_at:
            assert process.poll() is None
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        whole = query("select count(*) from audit.current_loads")[0][0]
        assert query(f"select count(*) from {table_of(vendor)}") == [(4 * whole,)]
    deadline = time.monotonic() + 30
    while query(
        "select 1 from pg_stat_activity where application_name = 'tickmart' and pid <> pg_backend_pid()"
    ):
        assert time.monotonic() < deadline, "the server still works for the killed fetch"
        time.sleep(0.05)
    answered = {uri for (uri,) in query("select uri from audit.current_loads")}
    del vendor.asked[:]

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    due = [
        day
        for day in days
        if Page(vendor.source, "INFY", vendor.interval, day, day + DAY).uri not in answered
    ]
    assert vendor.asked == [("INFY", day) for day in due]
    assert landed(vendor) == given(*map(bars, days))
    assert f"{len(due)} page" in ended.stdout
    kept = {name for (name,) in query("select options ->> 'archived' from audit.current_loads")}
    assert kept <= {str(path.relative_to(tmp_path / "archive")) for path in archived(tmp_path)}


def test_two_fetches_of_one_source_at_once_are_refused(vendor: Vendor) -> None:
    vendor.hold.clear()
    reports: list[Report] = []
    first = threading.Thread(target=lambda: reports.append(fetched(vendor)))
    first.start()
    while not vendor.asked:
        time.sleep(0.005)

    with pytest.raises(TickmartError, match=f"another fetch of {vendor.source} is at work: process"):
        fetched(vendor)
    vendor.hold.set()
    first.join()

    assert statuses(reports[0]) == ["loaded"] * 3


def test_who_only_loads_may_fetch(
    vendor: Vendor, fresh_database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched(vendor, end=TUESDAY, now=TUESDAY - MINUTE)
    name = f"tickmart_test_{os.getpid()}"
    query(f"create user {name} password 'pass' in role tickmart_loader")
    try:
        with monkeypatch.context() as patch:
            address = fresh_database.set(username=name, password="pass")
            patch.setenv("TICKMART_DATABASE_URL", address.render_as_string(hide_password=False))
            settings.cache_clear()
            assert statuses(fetched(vendor)) == ["already loaded", "loaded", "loaded"]
            databases.engine().dispose()
    finally:
        settings.cache_clear()
        query(f"drop user {name}")


def test_a_plan_names_the_pages_and_asks_nobody(vendor: Vendor) -> None:
    fetched(vendor, end=TUESDAY)
    del vendor.asked[:]

    pages = plan(vendor.source, request(vendor))

    assert [(page.symbol, page.start, page.end) for page in pages] == [
        ("INFY", TUESDAY, WEDNESDAY),
        ("INFY", WEDNESDAY, WEDNESDAY + DAY),
    ]
    assert vendor.asked == []


def test_a_check_tells_a_wrong_key_and_a_vendor_that_is_not_there(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(vendor.source)
    vendor.expire()
    with pytest.raises(TickmartError, match=rf"does not take the key .* It is in {vendor.token_setting}"):
        check(vendor.source)
    monkeypatch.setenv("MADE_UP_URL", "http://127.0.0.1:9")
    with pytest.raises(TickmartError, match=f"^{vendor.source} does not answer: ConnectError"):
        check(vendor.source)

    assert vendor.asked == []


def test_what_cannot_be_asked_is_refused_before_anybody_is_asked(vendor: Vendor) -> None:
    with pytest.raises(TickmartError, match=r"nse-minute cannot be asked, it gives files: .* asked: made-up"):
        fetch("nse-minute", request(vendor))
    with pytest.raises(TickmartError, match="has no interval '1-week'; it has "):
        fetch(vendor.source, Request(("INFY",), "1-week", MONDAY, TUESDAY))
    with pytest.raises(TickmartError, match=r"say what to ask .* for"):
        fetch(vendor.source, Request((), vendor.interval, MONDAY, TUESDAY))
    with pytest.raises(TickmartError, match=r"the range from .* is empty"):
        fetch(vendor.source, Request(("INFY",), vendor.interval, MONDAY, MONDAY))

    assert vendor.asked == []


def test_an_archive_that_cannot_be_written_fails_the_page_and_nothing_lands(
    vendor: Vendor, tmp_path: Path
) -> None:
    (tmp_path / "archive").write_text("a file")

    report = fetched(vendor, end=TUESDAY)

    assert statuses(report) == ["failed"]
    assert "TICKMART_ARCHIVE_FOLDER" in str(report.outcomes[0].error)
    assert query("select count(*) from audit.current_loads") == [(0,)]


def test_commands_show_the_plan_and_what_landed(vendor: Vendor) -> None:
    def run(*words: str) -> str:
        options = ("--interval", vendor.interval, "--start", "2025-03-03", "--end", "2025-03-04")
        command = [sys.executable, "-m", "tickmart", words[0], vendor.source, "INFY", *options, *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    planned = run("plan", "--check").splitlines()
    assert len(planned) == 4
    assert planned[-1] == f"2 pages to ask for; {vendor.source} answers and takes the key"
    assert run("fetch").splitlines()[-1] == (
        "2 pages asked for: 8 rows landed, 0 without trading, 0 as before, 0 unanswered"
    )
    assert run("plan").splitlines()[-1] == "0 pages to ask for"


def test_no_span_has_more_requests_than_the_limit() -> None:
    now = 0.0
    asked: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = Pace(Limits(requests=3, seconds=1.0), clock=lambda: now, sleep=sleep)
    for number in range(50):
        pace.wait()
        asked.append(now)
        now += 0.01 * (number % 7)

    assert all(later - earlier >= 1.0 for earlier, later in zip(asked, asked[3:], strict=False))
    assert now < 50 / 3 + 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), (" 120 ", 120.0), ("soon", None), ("Mon, 03 Mar 2025 00:00:00 GMT", 0.0)],
)
def test_retry_after_is_read_in_both_of_its_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_the_grid_does_not_depend_on_the_range() -> None:
    pages = list(grid(datetime(1999, 12, 1, tzinfo=UTC), datetime(2025, 3, 5, tzinfo=UTC), 60 * DAY))

    assert pages[0][0] <= datetime(1999, 12, 1, tzinfo=UTC)
    assert all(end == following for (_, end), (following, _) in pairwise(pages))
    for start in (datetime(2013, 7, 1, 3, tzinfo=UTC), datetime(2025, 3, 4, 23, tzinfo=UTC)):
        assert next(grid(start, start + DAY, 60 * DAY)) in pages
