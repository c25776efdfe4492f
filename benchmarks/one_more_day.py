"""One more day on a year of data, beside one more day on a single one: the same load, build and Greeks.

Both start from a database that has its tables and one built day, so that neither pays for making them.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import URL

from benchmarks.databases import copy, drop, fresh_database, use
from benchmarks.measuring import Line, Scale, duration, ratio_of
from benchmarks.stages import Seconds, dbt_target, load_and_build
from sampledata.generate import WrittenFile, write_sample

SMALLEST = Scale(rows=1, repeats=1)
DEFAULT_REPEATS = 3
DAYS = 248  # a year of sessions
STRIKES, EXPIRIES = 7, 1  # about 5,500 bars a day
SOURCES = {"bhavcopy": "nse-bhavcopy"}


def run(scale: Scale) -> list[Line]:
    """Measure the same day on a short and a long history, in turns. `rows` are the days of the long one."""
    days, repeats = scale.rows or DAYS, scale.repeats or DEFAULT_REPEATS
    strikes = 1 if days < 10 else STRIKES
    short: list[Seconds] = []
    long: list[Seconds] = []
    with (
        tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name,
        fresh_database(scale.template) as first,
    ):
        folder = Path(name)
        history = write_sample(folder / "history", days=days, strikes=strikes, expiries=EXPIRIES)
        after = max(file.session for file in history) + timedelta(days=1)
        day = write_sample(folder / "day", days=1, start=after, strikes=strikes, expiries=EXPIRIES)
        last = [file for file in history if file.session == max(file.session for file in history)]
        earlier = [file for file in history if file not in last]
        with use(first), dbt_target(folder / "first"):
            load_and_build(_with_sources(last))
        with _copied(first, "year") as year:
            with use(year), dbt_target(folder / "year"):
                load_and_build(_with_sources(earlier))
            for turn in range(repeats):
                pairs = [(first, folder / "first", short), (year, folder / "year", long)]
                for original, target, results in pairs if turn % 2 else reversed(pairs):
                    with _turn_on(original, target, is_last=turn == repeats - 1):
                        if turn == 0 and repeats > 1:
                            load_and_build([])  # dbt parses its project; nothing is new
                        results.append(load_and_build(_with_sources(day)))
    rows = sum(file.rows for file in day)
    return [
        Line(
            "one more day",
            f"load, build, Greeks of {rows:,} rows on {days:,} day(s)",
            duration([seconds.total for seconds in long]),
            f"on 1 day: {duration([seconds.total for seconds in short])}",
            1 / ratio_of([s.total for s in long], [s.total for s in short]),
            "≤ 1.3 ×",
        ),
        *(
            Line(
                "one more day",
                f"{stage} alone",
                duration(ours := [getattr(seconds, stage) for seconds in long]),
                f"on 1 day: {duration(theirs := [getattr(seconds, stage) for seconds in short])}",
                median(ours) / median(theirs),
            )
            for stage in ("load", "build", "greeks")
        ),
    ]


@contextmanager
def _copied(original: URL, ending: str) -> Iterator[URL]:
    # one name per history, so that dbt finds the project that it parsed for it
    name = f"{original.database}_{ending}"
    try:
        yield copy(original, name)
    finally:
        drop(original, name)


@contextmanager
def _turn_on(original: URL, target: Path, is_last: bool) -> Iterator[None]:
    """Let a turn have a history to itself: a copy, or the original where it is the last."""
    if is_last:
        with use(original), dbt_target(target):
            yield
        return
    with (
        _copied(original, "copy") as copied,
        use(copied),
        dbt_target(target.with_name(f"{target.name}-copy")),
    ):
        yield


def _with_sources(files: list[WrittenFile]) -> list[tuple[str, Path]]:
    return [(SOURCES.get(file.kind, "nse-minute"), file.path) for file in files]
