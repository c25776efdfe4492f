"""The night's work: at once with no server, and deployed to a real Prefect server with a real worker."""

import contextlib
import http.server
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import psutil
import pytest
import yaml
from sqlalchemy import URL

from loaders.registry import SOURCES
from sampledata.generate import write_sample
from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

# A night has two minutes of waiting in it before it is called dead, and more on a machine that is busy.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FIRST_DAY, SECOND_DAY, EARLIER_MONTH = date(2025, 8, 11), date(2025, 8, 12), date(2025, 7, 14)
PREFECT = [sys.executable, "-m", "prefect"]


def documented_steps(document: str) -> list[str]:
    """The commands of a document's console block that puts the nights on a schedule."""
    blocks = re.findall(r"```console\n(.*?)```", (PROJECT_FOLDER / document).read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "make deploy" in block)
    return [line.removeprefix("$ ").partition("#")[0].strip() for line in block.splitlines()]


START_SERVER, NAME_SERVER, DEPLOY, START_WORKER = documented_steps("README.md")


@dataclass(frozen=True)
class Server:
    """A Prefect server of this module's own, and what a process needs to use it."""

    url: str
    environment: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", path, body)

    def patch(self, path: str, **body: Any) -> Any:
        return self._ask("PATCH", path, body)

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", content, {"Content-Type": "application/json"}, method=method
        )
        for wait in (1, 2, 4, 8, 16, None):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.loads(answer.read() or "null")
            except HTTPError as error:
                if error.code != 503 or wait is None:  # a server on SQLite, under load
                    raise
                time.sleep(wait)
        raise AssertionError


@pytest.fixture(scope="module")
def _starting(database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server on its way up: the first night needs none and runs meanwhile."""
    home = tmp_path_factory.mktemp("prefect-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url, "NO_COLOR": "1"}
    environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = "30"  # the least that there is
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
def deployment(prefect: Server) -> dict[str, Any]:
    """The deployment of prefect.yaml, put there as the README says."""
    assert NAME_SERVER == "export PREFECT_API_URL=http://127.0.0.1:4200/api"  # the fixture's, at its own port
    run(prefect, *shlex.split(DEPLOY))
    found: dict[str, Any] = prefect.get("deployments/name/nightly/nightly")
    return found


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


def test_the_deployment_is_for_every_evening_in_india(deployment: dict[str, Any]) -> None:
    (schedule,) = deployment["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "30 19 * * 1-6"
    assert schedule["schedule"]["timezone"] == "Asia/Kolkata"
    assert deployment["global_concurrency_limit"]["limit"] == 1
    assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_deploying_again_makes_nothing_twice(deployment: dict[str, Any], prefect: Server) -> None:
    before = automations_of(prefect)

    again = run(prefect, "make", "deploy")

    assert "'tickmart: nights that fell silent' is up to date" in again.stdout
    assert automations_of(prefect) == before
    assert [name for name, _, _ in before] == ["nights that fell silent", "nights that never began"]
    assert prefect.get("deployments/name/nightly/nightly")["id"] == deployment["id"]


def test_deploying_to_no_server_is_one_line(tmp_path: Path) -> None:
    for address, says in {
        "": "error: no Prefect server is named: start one (prefect server start) and name it",
        "http://127.0.0.1:1/api": "error: the Prefect server at http://127.0.0.1:1/api does not do it: ",
    }.items():
        done = subprocess.run(
            [sys.executable, "-m", "flows.deploy"],
            env={**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": address},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(says)


def test_the_server_fires_a_night_by_itself_and_a_worker_completes_it(
    first_night: subprocess.CompletedProcess[str],
    deployment: dict[str, Any],
    prefect: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    written = files_of(folder / "catalogs")
    assert written
    loads = counted("audit.loads")

    # the same deployment as any night's; whole tables are tested
    schedule_soon(prefect, deployment, folder, whole_tables=True)
    with worker(prefect, tmp_path / "worker.log"):
        fired = wait_for_run(prefect, "COMPLETED")
        schedule_never(prefect, deployment)

    assert fired["auto_scheduled"]
    assert fired["created_by"]["type"] == "SCHEDULE"
    assert fired["deployment_id"] == deployment["id"]
    # and it was a second night with nothing new: nothing was loaded, built or written
    assert "4 were there already." in report_of(prefect)
    assert "nothing new." in report_of(prefect)
    assert int(re.search(r"(\d+) tests read whole tables", report_of(prefect))[1]) > 100  # type: ignore[index]
    assert counted("audit.loads") == loads
    assert files_of(folder / "catalogs") == written


def test_a_night_killed_with_its_worker_is_called_crashed_and_the_next_one_runs(
    first_night: subprocess.CompletedProcess[str],
    deployment: dict[str, Any],
    prefect: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    schedule_soon(prefect, deployment, folder, whole_tables=False)
    with worker(prefect, tmp_path / "killed.log") as killed:
        struck = wait_for_run(prefect, "RUNNING")
        wait_for_heartbeat(prefect, struck)
        kill(killed)
    began = time.monotonic()

    with worker(prefect, tmp_path / "next.log"):
        following = wait_for_run(prefect, "COMPLETED", after=struck)
        schedule_never(prefect, deployment)

    state = prefect.get(f"flow_runs/{struck['id']}")["state"]
    assert (state["type"], state["message"]) == (
        "CRASHED",
        "No heartbeat for 120 seconds: its process is gone.",
    )
    assert following["auto_scheduled"]
    # by the automation: a hold that nobody renews ends after 300 s, and the server looks every 15 s
    crashed_after = datetime.fromisoformat(state["timestamp"]) - datetime.fromisoformat(struck["start_time"])
    assert crashed_after < timedelta(seconds=290), time.monotonic() - began


def test_a_trigger_outlasts_a_server_that_answers_503(
    deployment: dict[str, Any], prefect: Server, tmp_path: Path
) -> None:
    with answering_503(prefect, f"/api/deployments/{deployment['id']}/create_flow_run", times=2) as (
        url,
        asked,
    ):
        done = subprocess.run(
            [*PREFECT, "deployment", "run", "nightly/nightly", "--start-in", "10 hours"],
            cwd=PROJECT_FOLDER, env={**prefect.environment, "PREFECT_API_URL": url},
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert asked == [503, 503, 201]


def test_the_projects_settings_wait_minutes_for_a_server_and_keep_holds_on_disk(prefect: Server) -> None:
    shown = run(prefect, *PREFECT, "config", "view").stdout

    assert "PREFECT_CLIENT_MAX_RETRIES='7'" in shown
    assert "lease_storage.filesystem" in shown


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
        cwd=folder, env=environment, capture_output=True, text=True, timeout=500,
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


def automations_of(server: Server) -> list[tuple[str, str, float]]:
    return sorted(
        (automation["name"].removeprefix("tickmart: "), automation["id"], automation["trigger"]["within"])
        for automation in server.post("automations/filter")
    )


def schedule_soon(server: Server, deployment: dict[str, Any], folder: Path, *, whole_tables: bool) -> None:
    """Give the deployment an interval for its evening, and this module's folder."""
    server.patch(
        f"deployments/{deployment['id']}",
        schedules=[{"schedule": {"interval": 30}, "active": True}],
        parameters={
            "inbox": {name: [str(folder / "inbox" / name)] for name in ("nse-minute", "nse-bhavcopy")},
            "destination": str(folder / "catalogs"),
            "tests": False,
            "whole_tables": whole_tables,
        },
    )


def schedule_never(server: Server, deployment: dict[str, Any]) -> None:
    """Take the schedule away, and the runs that it has planned."""
    server.patch(f"deployments/{deployment['id']}", schedules=[])
    for waiting in server.post("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}):
        server.post(f"flow_runs/{waiting['id']}/set_state", state={"type": "CANCELLED"}, force=True)


@contextmanager
def worker(server: Server, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with open(log, "w") as written:
        process = subprocess.Popen(
            words(START_WORKER), cwd=PROJECT_FOLDER, env=server.environment, stdout=written,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started, as a machine that loses its power does."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait(30)


def wait_for_run(server: Server, state: str, after: dict[str, Any] | None = None) -> dict[str, Any]:
    """The newest run that the server has scheduled itself and that has come to a state."""
    deadline = time.monotonic() + 480
    while time.monotonic() < deadline:
        runs = server.post(
            "flow_runs/filter",
            sort="START_TIME_DESC",
            flow_runs={"state": {"type": {"any_": [state]}}, "deployment_id": {"is_null_": False}},
        )
        for found in runs:
            if found["auto_scheduled"] and (after is None or found["start_time"] > after["start_time"]):
                return dict(found)
        time.sleep(1)
    raise AssertionError(f"no scheduled run was {state} in eight minutes")


def wait_for_heartbeat(server: Server, of_run: dict[str, Any]) -> None:
    """Without one there is nothing that could fall silent."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = server.post(
            "events/filter",
            filter={
                "event": {"name": ["prefect.flow-run.heartbeat"]},
                "resource": {"id": [f"prefect.flow-run.{of_run['id']}"]},
            },
        )
        if found["events"]:
            return
        time.sleep(0.5)
    raise AssertionError("the run sent no heartbeat")


@contextmanager
def answering_503(server: Server, path: str, times: int) -> Iterator[tuple[str, list[int]]]:
    """A way to the server on which one path is unavailable for a number of times."""
    asked: list[int] = []

    class Way(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            if self.path == path and len(asked) < times:
                status, content = 503, b'{"detail": "Service Unavailable"}'
            else:
                target = server.url.removesuffix("/api") + self.path
                kind = {"Content-Type": "application/json"} if body else {}
                request = urllib.request.Request(target, body, kind, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        status, content = answer.status, answer.read()
                except HTTPError as error:
                    status, content = error.code, error.read()
            if self.path == path:
                asked.append(status)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Way) as way:
        serving = threading.Thread(target=way.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{way.server_port}/api", asked
        way.shutdown()
        serving.join()


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
