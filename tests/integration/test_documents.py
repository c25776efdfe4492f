"""Every command of the README and every query of docs/analyst.md runs, in the order given there."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from warm_python.interpreter import COLD, PYTHON

from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

# whole demos beside other tests, on however few cores; a command that hangs is killed before the test is
HANGS = 900  # seconds
pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * HANGS)]

README = (PROJECT_FOLDER / "README.md").read_text()
ANALYST = (PROJECT_FOLDER / "docs" / "analyst.md").read_text()

# What the environment of a test has done already.
DONE_BY_THE_TEST = ("git clone", "make demo", "export PATH=")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


COMMANDS = [
    line
    for block in _blocks(README, "sh")
    for line in block.splitlines()
    if line and not line.startswith(DONE_BY_THE_TEST)
]
QUERIES = _blocks(ANALYST, "sql")


@pytest.fixture(scope="module")
def folder(built_database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty working folder, and a database that has its tables and views and holds nothing."""
    return tmp_path_factory.mktemp("reader")


def _run(command: str, folder: Path, *programs: str) -> subprocess.CompletedProcess[str]:
    found_in = [*(str(Path(program).parent) for program in programs), os.environ["PATH"]]
    environment = {
        **os.environ,
        "PATH": ":".join(found_in),
        "DBT_PROJECT_DIR": str(PROJECT_FOLDER),
        "TICKMART_PROFILES_FOLDER": str(folder),
        "PYTHONPATH": str(PROJECT_FOLDER),
        "PAGER": "cat",
    }
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )


def test_the_readme_has_commands_and_the_analyst_has_queries() -> None:
    assert len(COMMANDS) >= 20
    assert len(QUERIES) >= 6


def test_every_command_of_the_readme_runs_in_the_order_given(folder: Path) -> None:
    for command in COMMANDS:
        ended = _run(command, folder, PYTHON, COLD)
        assert ended.returncode == 0, f"$ {command}\n{ended.stdout}\n{ended.stderr}"


def test_the_demo_runs_to_its_end_and_the_queries_of_the_analyst_find_its_rows(
    fresh_database: str, tmp_path: Path
) -> None:
    ended = _run("tickmart demo --folder demo", tmp_path, COLD)  # as `make demo` does
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "Done in" in ended.stdout
    # nothing is wrong with the demo's files, and there are no shares and no snapshots of a chain among them
    empty_by_rights = (
        "marts.quarantine",
        "marts.equity_daily_adjusted",
        "marts.vendor_volatility_differences",
    )
    for query in QUERIES:
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("select 1 from pg_roles where rolname = 'tickmart_analyst'")
            if cursor.fetchone():  # made where the database's user may make roles
                cursor.execute("set role tickmart_analyst")
            cursor.execute(query)
            rows = cursor.fetchall()
        assert rows or any(mart in query for mart in empty_by_rights), query
