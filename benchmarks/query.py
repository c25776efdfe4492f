"""A year of daily bars of one symbol by SQL, over a connection that is open already."""

import tempfile
import time
from pathlib import Path

from benchmarks.databases import fresh_database
from benchmarks.measuring import Line, Scale, duration
from benchmarks.stages import dbt_target, load_and_build
from sampledata.generate import write_sample
from warehouse import database

SMALLEST = Scale(rows=1, repeats=1)
DEFAULT_REPEATS = 15
DAYS = 248
STRIKES, EXPIRIES = 7, 1

QUESTIONS = {
    "the index": """
        select * from marts.spot_daily
        where symbol = 'NIFTY' and is_preferred order by session_date
    """,
    "the nearest future of each session": """
        select distinct on (session_date) * from marts.futures_daily
        where underlying = 'NIFTY' and is_preferred order by session_date, expiry
    """,
    "the longest-lived option": """
        select * from marts.options_daily
        where symbol = %s and is_preferred order by session_date
    """,
    "all its minute bars": "select * from marts.options_ticks where symbol = %s order by bar_start",
}


def run(scale: Scale) -> list[Line]:
    """Ask each question several times. `rows` are the days of data; a turn's first answer counts too."""
    days, repeats = scale.rows or DAYS, scale.repeats or DEFAULT_REPEATS
    with tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name, fresh_database():
        folder = Path(name)
        strikes = 1 if days < 10 else STRIKES
        files = write_sample(folder, days=days, strikes=strikes, expiries=EXPIRIES)
        with dbt_target(folder / "target"):
            load_and_build(
                [("nse-bhavcopy" if file.kind == "bhavcopy" else "nse-minute", file.path) for file in files]
            )
        return [_ask(what, question, repeats, days) for what, question in QUESTIONS.items()]


def _ask(what: str, question: str, repeats: int, days: int) -> Line:
    seconds = []
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select symbol from marts.options_metadata"
            " order by last_session - first_session desc, symbol limit 1"
        )
        symbol = cursor.fetchone()
        for _ in range(repeats):
            started = time.perf_counter()
            cursor.execute(question, symbol if "%s" in question else None)
            rows = len(cursor.fetchall())
            seconds.append(time.perf_counter() - started)
    return Line(
        "query",
        f"{what}: {rows:,} rows of {days:,} day(s)",
        duration(seconds, "ms"),
        wanted="" if "minute" in what else "< 100 ms",
    )
