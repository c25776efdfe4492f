"""Benchmarks run: at their smallest size, so that they cannot rot. What they measure is not judged here."""

import importlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import URL

from benchmarks.__main__ import BENCHMARKS
from benchmarks.measuring import Line, in_turns, ratio_of, run_measured, table
from warehouse.database import connect


# dbt takes some seconds each time that it starts, and one more day starts it three times
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "one_more_day" else ()) for name in BENCHMARKS],
)
def test_a_benchmark_runs_at_its_smallest_size_and_leaves_no_database(
    name: str, database: URL, built_template: str
) -> None:
    module = importlib.import_module(f"benchmarks.{name}")

    # from a database that has its tables and views: making them is measured by none but at the normal size
    lines = module.run(replace(module.SMALLEST, template=built_template))

    assert lines
    assert all(line.figure for line in lines)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database where datname like %s", (f"%bench_{os.getpid()}_%",))
        assert cursor.fetchall() == []
    assert os.environ["TICKMART_DATABASE_URL"] == database.render_as_string(hide_password=False)


def test_the_command_prints_one_table(database: URL) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "landing"],
        env={**os.environ, "ROWS": "1_000", "REPEATS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert "1,000 rows" in rows[2]


def test_alternatives_take_turns_and_the_first_goes_last_next_time() -> None:
    order: list[str] = []

    seconds = in_turns(3, ours=lambda: order.append("ours"), theirs=lambda: order.append("theirs"))

    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [len(found) for found in seconds.values()] == [3, 3]


def test_the_ratio_compares_each_turn_with_itself() -> None:
    assert ratio_of([1.0, 10.0, 2.0], [2.0, 30.0, 2.0]) == 2.0


def test_lines_become_a_markdown_table() -> None:
    text = table([Line("landing", "a file", "2 M/s", "1 M/s", 2.0, "≥ 0.8 ×")])

    assert text.splitlines()[-1] == "| landing | a file | 2 M/s | 1 M/s | 2 × | ≥ 0.8 × |"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="high-water marks are read from /proc")
def test_the_peak_of_a_command_holds_what_it_held_for_a_moment() -> None:
    program = "import time; time.sleep(0.2); bytearray(200_000_000); time.sleep(0.2); print('done')"

    measured = run_measured([sys.executable, "-c", program])

    assert measured.output == "done\n"
    assert 200_000_000 < measured.peaks["command"] < 300_000_000


def test_a_command_that_fails_says_what_it_wrote() -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        run_measured([sys.executable, "-c", "raise SystemExit('no such thing')"])
