"""No command leaves the password of the database behind, however it ends, nor shows it to other users."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import URL

from loaders.landing import land
from warehouse.database import database_url
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"


@pytest.fixture(scope="module", autouse=True)
def _loaded(database: URL) -> None:
    land("nse-bhavcopy", [FIXTURES / "nse-bhavcopy/udiff_20240708.csv"])


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty; dbt writes its records and its log in there too."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("DBT_TARGET_PATH", str(scratch / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(scratch / "logs"))
    monkeypatch.delenv("DBT_WRITE_JSON")
    return scratch


def holding(secret: str, *folders: Path) -> list[Path]:
    return [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and secret.encode() in file.read_bytes()
    ]


def test_a_killed_build_leaves_no_password(database: URL, scratch: Path) -> None:
    password = str(database.password)
    assert len(password) > 20
    profiles = settings().state_folder / "dbt-profiles"
    shown: list[list[str]] = []

    for seconds_of_dbt in (0.0, 0.5, 2.0, 5.0, 9.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "tickmart", "build", "--no-tests"],
            cwd=PROJECT_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        dbt = wait_for_dbt(process)
        shown += [psutil.Process(process.pid).cmdline(), dbt.cmdline()]
        time.sleep(seconds_of_dbt)
        assert process.poll() is None
        process.kill()
        process.wait()
        assert holding(password, scratch, profiles) == [], f"killed after {seconds_of_dbt} s of dbt"
        psutil.wait_procs([dbt], 30)

    assert [file.name for file in scratch.iterdir() if file.name.startswith("tickmart-")] == []
    assert [command for command in shown if password in " ".join(command)] == []


def wait_for_dbt(build: subprocess.Popen[bytes]) -> psutil.Process:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert build.poll() is None, build.stderr and build.stderr.read()
        for child in psutil.Process(build.pid).children():
            try:
                if "dbt.cli.main" in " ".join(child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    raise AssertionError("dbt did not start in two minutes")


@pytest.mark.parametrize("command", [("greeks",), ("db", "backup", "{folder}/a.dump"), ("db", "status")])
def test_other_killed_commands_leave_no_password(
    database: URL, scratch: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for moment in (0.7, 1.5, 3.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "tickmart", *(part.format(folder=tmp_path) for part in command)],
            cwd=PROJECT_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(moment)
        process.kill()
        process.wait()
    assert holding(str(database.password), tmp_path) == []


def test_a_log_of_dbt_holds_no_password(database: URL, scratch: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tickmart", "build", "--no-tests"],
        cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=500,
        env={**os.environ, "DBT_DEBUG": "true", "DBT_LOG_LEVEL_FILE": "debug"},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert str(database.password) not in done.stdout + done.stderr
    assert (scratch / "target/manifest.json").exists()
    assert holding(str(database.password), scratch) == []


def test_a_password_among_the_parameters_of_the_address_is_no_argument(
    database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\nprintf \'%s\\n\' "$@" "and $PGPASSWORD"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    address = database.set(drivername="postgresql", password=None).update_query_dict({"password": "s3 cret"})

    done = subprocess.run(
        [sys.executable, "-m", "tickmart", "db", "psql"],
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
