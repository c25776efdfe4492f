"""What tests start in place of Python behaves as Python does, and what it has parsed is what dbt parses."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import DBT, TICKMART, copied_project
from sqlalchemy import URL
from warm_python.interpreter import COLD, PYTHON

from warehouse import dbt
from warehouse.settings import PROJECT_FOLDER

# Code is run warm where it names dbt, as the runs of dbt do.
DBT_IS_THERE = "import sys; assert 'dbt.cli.main' in sys.modules, 'cold'\n"


def ended(code: str, python: str = PYTHON, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code, "a", "-b"], capture_output=True, text=True, **options)


def test_arguments_environment_folder_and_streams_are_passed_on(tmp_path: Path) -> None:
    code = DBT_IS_THERE + (
        "import json, os; print(json.dumps([sys.argv, os.getcwd(), os.environ['SAID'], sys.stdin.read()]))\n"
        "print('a fault', file=sys.stderr)"
    )

    done = ended(code, cwd=tmp_path, env={**os.environ, "SAID": "näh"}, input="read this")

    assert json.loads(done.stdout) == [["-c", "a", "-b"], str(tmp_path), "näh", "read this"]
    assert (done.stderr, done.returncode) == ("a fault\n", 0)


def test_dbt_starts_warm_as_tickmart_starts_it() -> None:
    code = dbt._DBT
    started_by_tickmart = code.replace("run(*json.loads(sys.argv[1]))", "assert 'pandas' in sys.modules")

    assert started_by_tickmart != code
    assert ended(started_by_tickmart).returncode == 0
    assert ended(started_by_tickmart, COLD).returncode == 1


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(3)",
        "sys.exit('what went wrong')",
        "1 / 0",
        "sys.exit()",
        "import atexit; atexit.register(print, 'end')",
    ],
)
def test_ends_are_as_those_of_a_cold_one(code: str) -> None:
    code = f"import sys; 'dbt.cli.main'; {code}"

    warm, cold = ended(code), ended(code, COLD)

    assert (warm.returncode, warm.stdout) == (cold.returncode, cold.stdout)
    assert warm.stderr.splitlines()[-1:] == cold.stderr.splitlines()[-1:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_the_command(number: int, tmp_path: Path) -> None:
    code = DBT_IS_THERE + "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        runs_as = int(process.stdout.readline())
        process.send_signal(number)
        process.stdout.read()  # to the end, which comes when nobody can write any more

        assert process.wait(30) == -number
    deadline = time.monotonic() + 30
    while Path(f"/proc/{runs_as}").exists():
        assert time.monotonic() < deadline, "the command lives on"
        time.sleep(0.05)


def test_a_command_is_the_child_of_what_started_it() -> None:
    code = DBT_IS_THERE + "import os; print(os.getppid())"

    assert int(ended(code).stdout) == os.getpid()


def test_what_it_keeps_parsed_is_what_dbt_parses(database: URL, tmp_path: Path) -> None:
    def parsed(name: str, *command: str) -> dict[str, Any]:
        target = tmp_path / name
        subprocess.run(
            [*command, "parse", "--write-json", "--target-path", target, "--log-path", target],
            cwd=PROJECT_FOLDER, capture_output=True, check=True,
            env={**os.environ, "TICKMART_TODAY": "2027-01-04"},  # no day is another project
        )  # fmt: skip
        read: dict[str, Any] = json.loads((target / "manifest.json").read_text())
        del read["metadata"]
        in_order: dict[str, Any] = _in_order(read)
        return in_order

    warm, cold = parsed("warm", *DBT), parsed("cold", COLD, *DBT[1:])

    assert not (tmp_path / "warm/partial_parse.msgpack").exists()  # nothing had to be parsed
    assert str(database.database) in json.dumps(warm["nodes"])
    assert warm.keys() == cold.keys()
    for part in warm:
        assert warm[part] == cold[part], part


def test_a_changed_project_is_parsed_anew(database: URL, tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    model = project / "models/marts/spot/spot_prices.sql"
    model.write_text(model.read_text() + "\n-- read again\n")

    command = [*DBT, "parse", "--project-dir", project, "--target-path", tmp_path, "--log-path", tmp_path]
    subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, check=True, timeout=300)

    assert (tmp_path / "partial_parse.msgpack").exists()


def test_a_cold_interpreter_runs_the_same_commands(database: URL) -> None:
    for command in (["--help"], ["loads"], ["load", "--help"]):
        warm = subprocess.run([*TICKMART, *command], capture_output=True, text=True)
        cold = subprocess.run([COLD, *TICKMART[1:], *command], capture_output=True, text=True)
        assert (warm.stdout, warm.stderr, warm.returncode) == (cold.stdout, cold.stderr, cold.returncode)


def _in_order(value: Any) -> Any:
    """With lists sorted, as dbt gathers what a model reads in another order each time; and without times."""
    if isinstance(value, dict):
        return {name: _in_order(held) for name, held in value.items() if name != "created_at"}
    if isinstance(value, list):
        return sorted((_in_order(held) for held in value), key=json.dumps)
    return value
