"""The night's work: at once with no server, and deployed to a real Prefect server with a real worker."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import yaml
from sqlalchemy import URL

from loaders.registry import SOURCES
from sampledata.generate import write_sample
from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIRST_DAY, SECOND_DAY, EARLIER_MONTH = date(2025, 8, 11), date(2025, 8, 12), date(2025, 7, 14)
PREFECT = [sys.executable, "-m", "prefect"]


def documented_steps(document: str) -> list[str]:
    """The commands of a document's console block that puts the nights on a schedule."""
    blocks = re.findall(r"```console\n(.*?)```", (PROJECT_FOLDER / document).read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "prefect" in block)
    return [line.removeprefix("$ ").partition("#")[0].strip() for line in block.splitlines()]


START_SERVER, NAME_SERVER, CREATE_POOL, DEPLOY, START_WORKER = documented_steps("README.md")


@dataclass(frozen=True)
class Server:
    """A Prefect server of this module's own, and what a process needs to use it."""

    url: str
    environment: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def _starting(database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server on its way up: the first night needs none and runs meanwhile."""
    home = tmp_path_factory.mktemp("prefect-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url, "NO_COLOR": "1"}
    with open(home / "server.log", "w") as log:
        process = subprocess.Popen(
            [*words(START_SERVER), "--host", "127.0.0.1", "--port", str(port)],
            cwd=PROJECT_FOLDER, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    yield Server(url, environment)
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def prefect(_starting: Server) -> Server:
    deadline = time.monotonic() + 120
    while True:
        try:
            assert _starting.get("health") is True
            return _starting
        except (URLError, ConnectionError):
            assert time.monotonic() < deadline, "the Prefect server did not come up"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the nights happen; an inbox with one day of files lies in it."""
    folder = tmp_path_factory.mktemp("night")
    write_sample(folder / "inbox", days=1, start=FIRST_DAY, strikes=3, expiries=1)
    return folder


@pytest.fixture(scope="module")
def first_night(_starting: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """The flow at once where the inbox is, with its defaults but for dbt's tests: no server, no account."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "NO_COLOR": "1"}
    return at_once(folder, environment)


def test_a_night_with_no_server_and_no_account_ends_in_a_catalog(
    first_night: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert first_night.returncode == 0, first_night.stderr
    assert "Finished in state Completed()" in first_night.stderr

    files = (folder / "inbox/nse-minute").iterdir()
    lines = sum(len(file.read_text().splitlines()) - 1 for file in files)
    assert lines == sum(
        counted(f"marts.{mart}") for mart in ("options_ticks", "futures_ticks", "spot_prices")
    )
    assert counted("marts.options_ticks where greeks_status = 'pending'") == 0
    manifest = json.loads((folder / "catalogs/nautilus/manifest.json").read_text())
    assert list(manifest["exporters"]["nautilus"]["covered"]["NIFTY"]) == ["2025-08"]


def test_the_log_of_a_night_holds_no_password(
    first_night: subprocess.CompletedProcess[str], database: URL
) -> None:
    assert database.password
    assert str(database.password) not in first_night.stdout + first_night.stderr


def test_a_broken_file_fails_the_run_by_name_and_the_rest_lands(
    first_night: subprocess.CompletedProcess[str], prefect: Server, folder: Path, tmp_path: Path
) -> None:
    write_sample(tmp_path / "inbox", days=1, start=SECOND_DAY, strikes=3, expiries=1)
    shutil.move(tmp_path / "inbox/nse-bhavcopy", tmp_path / "elsewhere")  # a source with nothing there
    (tmp_path / "inbox/nse-minute/broken.csv").write_text("<html>503 Service Unavailable</html>")
    before = counted("marts.options_ticks")

    night = at_once(
        tmp_path,
        prefect.environment,
        *("--inbox", "nse-minute=inbox/nse-minute", "--inbox", "nse-bhavcopy=inbox/nse-bhavcopy"),
        *("--to", str(folder / "catalogs")),
    )

    assert night.returncode == 1
    told = night.stderr[night.stderr.index("error: the rest is done, but:") :]
    assert "broken.csv is an HTML or XML page" in told
    assert "nse-bhavcopy: there is no such file or folder" in told
    (run,) = prefect.post("flow_runs/filter", sort="START_TIME_DESC", limit=1)
    assert run["state"]["type"] == "FAILED"
    assert "broken.csv" in run["state"]["message"]
    assert "broken.csv is an HTML or XML page" in report_of(prefect)
    assert counted("marts.options_ticks") > before
    covered = json.loads((folder / "catalogs/nautilus/manifest.json").read_text())["exporters"]["nautilus"]
    assert covered["covered"]["NIFTY"]["2025-08"]["last"] == "2025-08-12"


def test_the_deployment_runs_on_a_schedule_in_indian_time_and_a_worker_runs_it(
    first_night: subprocess.CompletedProcess[str], prefect: Server, folder: Path
) -> None:
    assert NAME_SERVER == "export PREFECT_API_URL=http://127.0.0.1:4200/api"  # the fixture's, at its own port
    run(prefect, *words(CREATE_POOL))
    run(prefect, *words(DEPLOY))

    deployment = prefect.get("deployments/name/nightly/nightly")
    (schedule,) = deployment["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "30 19 * * 1-6"
    assert schedule["schedule"]["timezone"] == "Asia/Kolkata"
    assert deployment["global_concurrency_limit"]["limit"] == 1

    written = files_of(folder / "catalogs")
    assert written
    loads = counted("audit.loads")
    triggered = prefect.post(
        f"deployments/{deployment['id']}/create_flow_run",
        parameters={
            "inbox": {name: [str(folder / "inbox" / name)] for name in ("nse-minute", "nse-bhavcopy")},
            "destination": str(folder / "catalogs"),
            "tests": False,  # but those over whole tables
        },
    )
    worker = run(prefect, *words(START_WORKER), "--run-once")

    state = prefect.get(f"flow_runs/{triggered['id']}")["state"]
    assert state["type"] == "COMPLETED", worker.stdout + worker.stderr
    # and it was a second night with nothing new: nothing was loaded, built or written
    assert "4 were there already." in report_of(prefect)
    assert "nothing new." in report_of(prefect)
    assert int(re.search(r"(\d+) tests read whole tables", report_of(prefect))[1]) > 100  # type: ignore[index]
    assert counted("audit.loads") == loads
    assert files_of(folder / "catalogs") == written


def test_a_month_whose_export_failed_is_exported_by_the_next_night(
    first_night: subprocess.CompletedProcess[str], prefect: Server, folder: Path, tmp_path: Path
) -> None:
    write_sample(tmp_path / "inbox", days=1, start=EARLIER_MONTH, strikes=3, expiries=1)
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs/nautilus").write_text("no folder")

    failed = at_once(tmp_path, prefect.environment)
    retried = at_once(folder, prefect.environment)  # with nothing new in its inbox

    assert failed.returncode == 1
    assert "tickmart export nautilus --to catalogs/nautilus: " in failed.stderr
    assert "catalogs/nautilus is a file" in failed.stderr
    assert retried.returncode == 0, retried.stderr
    manifest = json.loads((folder / "catalogs/nautilus/manifest.json").read_text())
    assert list(manifest["exporters"]["nautilus"]["covered"]["NIFTY"]) == ["2025-07", "2025-08"]


def test_the_readme_and_the_operations_give_the_same_steps_to_a_schedule() -> None:
    assert documented_steps("docs/operations.md") == documented_steps("README.md")


def test_the_deployment_names_no_machine() -> None:
    text = (PROJECT_FOLDER / "prefect.yaml").read_text()

    assert not re.search(r"(^|[\s:\[])(/|~|[A-Z]:\\)\w", text)
    assert [deployment["name"] for deployment in yaml.safe_load(text)["deployments"]] == ["nightly"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to load: {folder}/inbox has no files in a folder " + " or ".join(SOURCES) + "."),
        (("--inbox", "nse-minute"), "cannot read --inbox nse-minute; write nse-minute=PATH"),
        (("--inbox", "kite=files"), "unknown source 'kite'; known sources: " + ", ".join(SOURCES)),
        (
            ("--inbox", "nse-minute=files", "--format", "csv"),
            "unknown format csv; known: nautilus, backtrader",
        ),
    ],
)
def test_a_night_set_up_wrongly_ends_before_it_begins(
    prefect: Server, database: URL, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    night = at_once(tmp_path, prefect.environment, *arguments)

    assert night.returncode == 1
    assert f"error: {says.format(folder=tmp_path)}" in night.stderr


def at_once(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.nightly", "--no-tests", "--no-whole-tables", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def words(command: str) -> list[str]:
    program, *arguments = shlex.split(command)
    assert program == "prefect"
    return [*PREFECT, *arguments]


def run(server: Server, *command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=PROJECT_FOLDER, env=server.environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def report_of(server: Server) -> str:
    (artifact,) = server.post("artifacts/latest/filter", limit=1)
    return str(artifact["data"])


def counted(what: str) -> int:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {what}")
        (count,) = next(cursor)
    return int(count)


def files_of(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*.parquet")}
