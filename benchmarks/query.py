"""What analysts ask of a year of minutes by SQL, over a connection that is open already."""

import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import psycopg2.extensions

from benchmarks.databases import fresh_database
from benchmarks.measuring import Line, Scale
from benchmarks.stages import dbt_target, load_and_build
from sampledata.generate import write_sample
from warehouse import database
from warehouse.settings import PROJECT_FOLDER

SMALLEST = Scale(rows=1, repeats=1)
DEFAULT_REPEATS = 25
DAYS = 248
STRIKES, EXPIRIES = 21, 2  # 8.7 million minute bars a year

QUERIES_OF_THE_PAGE = 10
"""So many of docs/analyst.md, from its beginning, are asked as they stand, of a session in the middle."""

QUESTIONS = {
    "a session of options_ticks": """
        select count(*) from marts.options_ticks where session_date = date '{session}'
    """,
    "the chain at a minute": """
        select * from marts.option_chain
        where underlying = 'NIFTY' and bar_start = timestamptz '{session} 12:29 Asia/Kolkata'
        order by expiry, strike
    """,
    "the longest-lived option by day": """
        select * from marts.options_daily
        where symbol = '{symbol}' and is_preferred order by session_date
    """,
    "the index by day": """
        select * from marts.spot_daily
        where symbol = 'NIFTY' and is_preferred order by session_date
    """,
    "the nearest future of each session": """
        select distinct on (session_date) * from marts.futures_daily
        where underlying = 'NIFTY' and is_preferred order by session_date, expiry
    """,
}


def run(scale: Scale) -> list[Line]:
    """Ask each question several times. `rows` are the days of data; a turn's first answer counts too."""
    days, repeats = scale.rows or DAYS, scale.repeats or DEFAULT_REPEATS
    with tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name, fresh_database(scale.template):
        folder = Path(name)
        strikes, expiries = (1, 1) if days < 10 else (STRIKES, EXPIRIES)
        files = write_sample(folder, days=days, strikes=strikes, expiries=expiries)
        with dbt_target(folder / "target"):
            load_and_build(
                [("nse-bhavcopy" if file.kind == "bhavcopy" else "nse-minute", file.path) for file in files]
            )
        with database.connect() as connection:
            return ask(connection, repeats)


def ask(connection: psycopg2.extensions.connection, repeats: int) -> list[Line]:
    """Ask all questions of a database, each several times, its planning included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), percentile_disc(0.5) within group (order by session_date) from ("
            "select session_date from marts.options_daily group by session_date) as sessions"
        )
        ((days, session),) = cursor.fetchall()
        cursor.execute(
            "select symbol from marts.options_metadata"
            " order by last_session - first_session desc, symbol limit 1"
        )
        ((symbol,),) = cursor.fetchall()
        lines = []
        for what, question in (*QUESTIONS.items(), *_queries_of_the_page(session)):
            seconds = []
            for _ in range(repeats):
                started = time.perf_counter()
                cursor.execute(question.format(session=session, symbol=symbol))
                rows = len(cursor.fetchall())
                seconds.append(time.perf_counter() - started)
            of = f"{what}: {rows:,} rows of {days:,} day(s)"
            lines.append(Line("query", of, _percentiles(seconds), wanted="< 100 ms"))
    return lines


def _queries_of_the_page(session: date) -> Iterator[tuple[str, str]]:
    page = (PROJECT_FOLDER / "docs/analyst.md").read_text()
    queries = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for number, query in enumerate(queries[:QUERIES_OF_THE_PAGE], 1):
        (mart,) = set(re.findall(r"from marts\.(\w+)", query))
        # the page's own day is one of its examples
        yield f"analyst.md {number}, {mart}", re.sub(r"'\d{4}-\d\d-\d\d", f"'{session}", query)


def _percentiles(seconds: Sequence[float]) -> str:
    if len(seconds) == 1:
        return f"{seconds[0] * 1000:.3g} ms"
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return f"p50 {cuts[9] * 1000:.3g} ms, p95 {cuts[18] * 1000:.3g} ms"
