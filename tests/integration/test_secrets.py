"""No command leaves the password of the database behind, however it ends, nor shows it to other users."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2.extensions
import pytest
from built_warehouse import query
from sqlalchemy import URL
from warm_python.interpreter import COLD

from loaders.landing import land
from warehouse.database import connect, database_url
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
TICKMART = [COLD, "-m", "tickmart"]


@pytest.fixture(scope="module")
def password(database: URL) -> str:
    password = str(database.password)
    assert len(password) > 20
    return password


@pytest.fixture(scope="module")
def scratch(database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of temporary files; dbt writes its records and its log in there too."""
    scratch = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(scratch))
        patch.setenv("DBT_TARGET_PATH", str(scratch / "target"))
        patch.setenv("DBT_LOG_PATH", str(scratch / "logs"))
        patch.delenv("DBT_WRITE_JSON")
        patch.delenv("DBT_LOG_LEVEL_FILE")
        yield scratch


def holding(secret: str, *folders: Path) -> list[Path]:
    return [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and secret.encode() in file.read_bytes()
    ]


@dataclass(frozen=True)
class Killed:
    """What a killed command had shown, and what it has left.

    Attributes
    ----------
    commands : list of str
        The command lines of it and of all that it had started.
    files : list of Path
        Files with the password.
    temporary : list of str
        Files of its own among the temporary ones.
    """

    commands: list[str]
    files: list[Path]
    temporary: list[str]


@pytest.fixture(scope="module")
def killed_builds(password: str, scratch: Path) -> list[Killed]:
    """Two builds: killed as dbt began, and when it had made most of the models."""
    land("nse-bhavcopy", [FIXTURES / "nse-bhavcopy/udiff_20240708.csv"])

    def greeks_have_their_inputs() -> bool:
        return query("select to_regclass('intermediate.greeks_slices_due') is not null") == [(True,)]

    return [kill_build(sight, scratch, password) for sight in (lambda: True, greeks_have_their_inputs)]


def kill_build(sight: Callable[[], bool], scratch: Path, password: str) -> Killed:
    process = subprocess.Popen(
        [*TICKMART, "build", "--no-tests"],
        cwd=PROJECT_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    dbt: psutil.Process | None = None
    deadline = time.monotonic() + 300
    while dbt is None or not sight():
        assert time.monotonic() < deadline, "the build did not come so far in five minutes"
        assert process.poll() is None, process.stderr and process.stderr.read()
        dbt = next((one for one in children(process) if "warehouse.due_nodes" in command_line(one)), None)
        time.sleep(0.05)
    commands = command_lines(process)
    process.kill()
    process.wait()
    left = holding(password, scratch, settings().state_folder / "dbt-profiles")
    _, alive = psutil.wait_procs([dbt], 30)
    assert alive == []
    return Killed(commands, left, [file.name for file in scratch.glob("tickmart-*")])


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def command_lines(process: subprocess.Popen[bytes]) -> list[str]:
    return [command_line(one) for one in (psutil.Process(process.pid), *children(process))]


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_a_killed_build_leaves_no_password(killed_builds: list[Killed], password: str) -> None:
    for killed in killed_builds:
        assert any("warehouse.due_nodes" in command for command in killed.commands)
        assert [command for command in killed.commands if password in command] == []
        assert (killed.files, killed.temporary) == ([], [])


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (("greeks",), "tickmart greeks"),
        (("db", "backup", "{folder}/a.dump"), "pg_dump"),
        (("db", "psql", "-c", "select count(*) from enrichment.greeks_slices"), "psql"),
    ],
)
def test_other_killed_commands_leave_no_password(
    killed_builds: list[Killed],
    password: str,
    scratch: Path,
    tmp_path: Path,
    command: tuple[str, ...],
    program: str,
) -> None:
    with connect() as connection, connection.cursor() as cursor:
        # all three come to where they need this table, and wait there
        cursor.execute("lock table enrichment.greeks_slices in access exclusive mode")
        process = subprocess.Popen(
            [*TICKMART, *(part.format(folder=tmp_path) for part in command)],
            cwd=PROJECT_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not waits_for_the_table(cursor):
            assert time.monotonic() < deadline, f"{command} did not come to the table in two minutes"
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        started, commands = children(process), command_lines(process)
        process.kill()
        process.wait()
        left = holding(password, tmp_path, scratch)
        connection.rollback()
    _, alive = psutil.wait_procs(started, 30)
    assert alive == []

    assert any(program in one for one in commands)
    assert [one for one in commands if password in one] == []
    assert left == holding(password, tmp_path, scratch) == []


def waits_for_the_table(cursor: psycopg2.extensions.cursor) -> bool:
    cursor.execute(
        "select count(*) > 0 from pg_locks"
        " where relation = 'enrichment.greeks_slices'::regclass and not granted"
    )
    return bool(cursor.fetchall()[0][0])


def test_a_build_that_tells_all_holds_no_password(password: str, scratch: Path) -> None:
    done = subprocess.run(
        [*TICKMART, "build", "--no-tests", "--no-greeks", "--select", "nse_holidays"],
        cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=500,
        env={**os.environ, "DBT_DEBUG": "true", "DBT_LOG_LEVEL_FILE": "debug"},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert password not in done.stdout + done.stderr
    assert (scratch / "target/manifest.json").exists()
    assert holding(password, scratch) == []


def test_a_password_among_the_parameters_of_the_address_is_no_argument(
    database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\nprintf \'%s\\n\' "$@" "and $PGPASSWORD"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    address = database.set(drivername="postgresql", password=None).update_query_dict({"password": "s3 cret"})

    done = subprocess.run(
        [*TICKMART, "db", "psql"],
        cwd=PROJECT_FOLDER, capture_output=True, text=True,
        env={**os.environ, "TICKMART_DATABASE_URL": address.render_as_string()},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    address_shown, password = done.stdout.splitlines()[1:]
    assert f"dbname={database.database}" in address_shown
    assert "s3" not in address_shown
    assert password == "and s3 cret"


@pytest.mark.parametrize(
    "parameter", ["sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"]
)
def test_a_secret_that_no_program_can_be_told_unseen_is_refused(
    monkeypatch: pytest.MonkeyPatch, parameter: str
) -> None:
    monkeypatch.setenv("TICKMART_DATABASE_URL", f"postgresql://u@host/db?{parameter}=s3cret")
    settings.cache_clear()
    with pytest.raises(TickmartError, match=f"has the parameter {parameter}, a secret") as refused:
        database_url()
    settings.cache_clear()
    assert "s3cret" not in str(refused.value)
