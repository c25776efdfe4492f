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
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from uuid import uuid4

import psutil
import pytest
import yaml
from sqlalchemy import URL
from warm_python.interpreter import COLD, PYTHON

from exporters.formats import EXPORTERS
from exporters.publish import open_store
from loaders.sources import SOURCES
from sampledata.generate import write_sample
from warehouse.database import connect, locks
from warehouse.settings import PROJECT_FOLDER

# A night that is killed is called dead after two minutes: it is killed first, and looked at last.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FIRST_DAY, EARLIER_MONTH = date(2025, 8, 11), date(2025, 7, 14)
PREFECT = [COLD, "-m", "prefect"]
# `python -m flows.nightly`, whose commands start warm.
WITH_WARM_COMMANDS = (
    f"import runpy, sys; sys.executable = {PYTHON!r};"
    " runpy.run_module('flows.nightly', run_name='__main__', alter_sys=True)"
)
NIGHT = [COLD, "-c", WITH_WARM_COMMANDS, "--no-tests", "--no-whole-tables"]


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

    def post_all(self, path: str, body: list[dict[str, Any]]) -> Any:
        return self._ask("POST", path, body)

    def patch(self, path: str, **body: Any) -> Any:
        return self._ask("PATCH", path, body)

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: dict[str, Any] | list[dict[str, Any]] | None) -> Any:
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
def _starting(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
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
    deadline = time.monotonic() + 400  # it makes its database first, on a machine that may be busy
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
def _first_night_going_on(_starting: Server, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The flow, run at once where the inbox is, with its defaults but no dbt tests; no server or account."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "NO_COLOR": "1"}
    process = subprocess.Popen(
        NIGHT, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    if process.poll() is None:
        kill(process)


@pytest.fixture(scope="module")
def struck(
    _first_night_going_on: subprocess.Popen[str],
    deployment: dict[str, Any],
    prefect: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """A night of the schedule that is killed together with its worker, beside the first one.

    It loads into a table that the first one leaves alone, and waits there for a lock, so it cannot end.
    """
    folder = tmp_path_factory.mktemp("struck")
    (table,) = SOURCES["nse-index"].raw_tables
    with locks.held(table.qualified, "another load"):
        schedule_soon(
            prefect, deployment, {"nse-index": PROJECT_FOLDER / "tests/fixtures/nse-index/closes.csv"}, folder
        )
        with worker(prefect, folder / "worker.log") as killed:
            struck = wait_for_run(prefect, "RUNNING")
            wait_for_heartbeat(prefect, struck)
            kill(killed)
        schedule_never(prefect, deployment)
        assert prefect.get(f"flow_runs/{struck['id']}")["state"]["type"] == "RUNNING"
    return struck


@pytest.fixture(scope="module")
def first_night(
    _first_night_going_on: subprocess.Popen[str], struck: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    out, err = _first_night_going_on.communicate(timeout=500)
    return subprocess.CompletedProcess(NIGHT, _first_night_going_on.returncode, out, err)


@pytest.fixture(scope="module")
def night_of_others(struck: dict[str, Any], prefect: Server) -> str:
    """The id of a run that others have on this server, of a flow with the same name, silent for as long."""
    deployment = prefect.post("deployments/", name="of-others", flow_id=struck["flow_id"])
    run = prefect.post(f"deployments/{deployment['id']}/create_flow_run", state={"type": "RUNNING"})
    prefect.post_all(
        "events",
        [
            {
                "id": str(uuid4()),
                "occurred": datetime.now(UTC).isoformat(),
                "event": "prefect.flow-run.heartbeat",
                "resource": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
                "related": [
                    {
                        "prefect.resource.id": f"prefect.flow.{struck['flow_id']}",
                        "prefect.resource.role": "flow",
                        "prefect.resource.name": "nightly",
                    },
                    {
                        "prefect.resource.id": f"prefect.deployment.{deployment['id']}",
                        "prefect.resource.role": "deployment",
                    },
                ],
            }
        ],
    )
    return str(run["id"])


@dataclass(frozen=True)
class Broken:
    """A night in which a file, a source and an export failed, and what came of it.

    Attributes
    ----------
    night : CompletedProcess
    report : str
    catalogs : Path
        Where it published to: the same place as the first night.
    months : list of str
        What the catalog of Nautilus covered then.
    bars_before : int
    """

    night: subprocess.CompletedProcess[str]
    report: str
    catalogs: Path
    months: list[str]
    bars_before: int


@pytest.fixture(scope="module")
def broken(
    first_night: subprocess.CompletedProcess[str],
    prefect: Server,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Broken:
    here = tmp_path_factory.mktemp("broken")
    write_sample(here / "inbox", days=1, start=EARLIER_MONTH, strikes=3, expiries=1)
    shutil.move(here / "inbox/nse-bhavcopy", here / "elsewhere")  # a source with nothing there
    (here / "inbox/nse-minute/broken.csv").write_text("<html>503 Service Unavailable</html>")
    bars_before = counted("marts.options_ticks")
    with open_store(folder / "catalogs/nautilus").lock():
        night = at_once(
            here,
            prefect.environment,
            *("--inbox", "nse-minute=inbox/nse-minute", "--inbox", "nse-bhavcopy=inbox/nse-bhavcopy"),
            *("--to", str(folder / "catalogs"), "--format", "nautilus", "--format", "backtrader"),
        )
    catalogs = folder / "catalogs"
    return Broken(night, report_of(prefect), catalogs, months(catalogs / "nautilus"), bars_before)


@pytest.fixture(scope="module")
def retried(broken: Broken, prefect: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """The night after that one, with nothing new in its inbox."""
    return at_once(folder, prefect.environment)


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
    assert months(folder / "catalogs/nautilus") == ["2025-08"]


def test_the_log_of_a_night_holds_no_password(
    first_night: subprocess.CompletedProcess[str], built_database: URL
) -> None:
    assert built_database.password
    assert str(built_database.password) not in first_night.stdout + first_night.stderr


def test_what_fails_fails_the_run_by_name_and_the_rest_is_done(broken: Broken, prefect: Server) -> None:
    assert broken.night.returncode == 1
    told = broken.night.stderr[broken.night.stderr.index("error: the rest is done, but:") :]
    assert "broken.csv is an HTML or XML page" in told
    assert "nse-bhavcopy: there is no such file or folder" in told
    assert f"tickmart export nautilus --to {broken.catalogs}/nautilus: another export is writing" in told
    (run,) = prefect.post(
        "flow_runs/filter",
        sort="START_TIME_DESC",
        limit=1,
        flow_runs={"deployment_id": {"is_null_": True}, "parent_task_run_id": {"is_null_": True}},
    )
    assert run["state"]["type"] == "FAILED"
    assert "broken.csv" in run["state"]["message"]
    assert "broken.csv is an HTML or XML page" in broken.report
    assert counted("marts.options_ticks") > broken.bars_before
    assert months(broken.catalogs / "backtrader") == ["2025-07", "2025-08"]


def test_a_month_whose_export_failed_is_exported_by_the_next_night(
    broken: Broken, retried: subprocess.CompletedProcess[str]
) -> None:
    assert broken.months == ["2025-08"]
    assert retried.returncode == 0, retried.stderr
    assert months(broken.catalogs / "nautilus") == ["2025-07", "2025-08"]


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
        # and whoever reads it learns no password
        "http://u:secret@127.0.0.1:1/api": (
            "error: the Prefect server at http://127.0.0.1:1/api does not do it: "
        ),
    }.items():
        done = subprocess.run(
            [sys.executable, "-m", "flows.deploy"],
            env={**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": address},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(says)
        assert "secret" not in done.stdout + done.stderr


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


def test_the_readme_and_the_operations_give_the_same_steps_to_a_schedule() -> None:
    assert documented_steps("docs/operations.md") == documented_steps("README.md")


def test_the_deployment_names_no_machine() -> None:
    text = (PROJECT_FOLDER / "prefect.yaml").read_text()

    assert not re.search(r"(^|[\s:\[])(/|~|[A-Z]:\\)\w", text)
    assert [deployment["name"] for deployment in yaml.safe_load(text)["deployments"]] == ["nightly"]


SET_UP_WRONGLY = {
    (): "nothing to load: {folder}/inbox has no files in a folder " + " or ".join(SOURCES) + ".",
    ("--inbox", "nse-minute"): "cannot read --inbox nse-minute; write nse-minute=PATH",
    ("--inbox", "kite=files"): "unknown source 'kite'; known sources: " + ", ".join(SOURCES),
    ("--inbox", "nse-minute=files", "--format", "csv"): f"unknown format csv; known: {', '.join(EXPORTERS)}",
}
# One process for all: a night spends seconds on its imports.
ONE_BY_ONE = """
import json, sys
from flows.nightly import app
for arguments in json.loads(sys.argv[1]):
    try:
        app(arguments)
    except SystemExit as ended:
        print(ended.code)
"""


def test_a_night_set_up_wrongly_ends_before_it_begins(prefect: Server, tmp_path: Path) -> None:
    nights = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps([*SET_UP_WRONGLY])],
        cwd=tmp_path, env={**prefect.environment, "PYTHONPATH": str(PROJECT_FOLDER)},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip

    assert nights.stdout.split() == ["1"] * len(SET_UP_WRONGLY)
    told = [line for line in nights.stderr.splitlines() if line.startswith("error: ")]
    for line, says in zip(told, SET_UP_WRONGLY.values(), strict=True):
        assert line.startswith(f"error: {says.format(folder=tmp_path)}")


def test_a_night_killed_with_its_worker_is_called_crashed_and_none_of_others(
    struck: dict[str, Any], night_of_others: str, prefect: Server
) -> None:
    state = wait_for_end(prefect, struck)

    assert (state["type"], state["message"]) == (
        "CRASHED",
        "No heartbeat for 120 seconds: its process is gone.",
    )
    assert prefect.get(f"flow_runs/{night_of_others}")["state"]["type"] == "RUNNING"


def test_the_server_fires_the_next_night_by_itself_and_a_worker_completes_it(
    retried: subprocess.CompletedProcess[str],
    struck: dict[str, Any],
    deployment: dict[str, Any],
    prefect: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    written = files_of(folder / "catalogs")
    assert written
    loads = counted("audit.loads")

    # the same deployment as any night's; whole tables are tested
    inbox = {name: folder / "inbox" / name for name in ("nse-minute", "nse-bhavcopy")}
    schedule_soon(prefect, deployment, inbox, folder / "catalogs")
    with worker(prefect, tmp_path / "worker.log"):
        fired = wait_for_run(prefect, "COMPLETED")
        schedule_never(prefect, deployment)

    assert fired["auto_scheduled"]
    assert fired["created_by"]["type"] == "SCHEDULE"
    assert fired["deployment_id"] == deployment["id"]
    assert fired["start_time"] > struck["start_time"]
    # and it was a night with nothing new: nothing was loaded, built or written
    assert "4 were there already." in report_of(prefect)
    assert "nothing new." in report_of(prefect)
    assert int(re.search(r"(\d+) tests read whole tables", report_of(prefect))[1]) > 100  # type: ignore[index]
    assert counted("audit.loads") == loads
    assert files_of(folder / "catalogs") == written


def at_once(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NIGHT, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
    )


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


def automations_of(server: Server) -> list[tuple[str, str, str]]:
    """Names, ids, and the ids of their triggers, under which the server keeps what they are watching."""
    return sorted(
        (automation["name"].removeprefix("tickmart: "), automation["id"], automation["trigger"]["id"])
        for automation in server.post("automations/filter")
    )


def schedule_soon(
    server: Server, deployment: dict[str, Any], inbox: dict[str, Path], destination: Path
) -> None:
    """Give the deployment an interval for its evening, and folders of this module."""
    server.patch(
        f"deployments/{deployment['id']}",
        schedules=[{"schedule": {"interval": 30}, "active": True}],
        parameters={
            "inbox": {name: [str(path)] for name, path in inbox.items()},
            "destination": str(destination),
            "tests": False,
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


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a process and all that it has started, as a machine that loses its power does."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait(30)


def wait_for_run(server: Server, state: str) -> dict[str, Any]:
    """The newest run that the server has scheduled itself and that has come to a state."""
    deadline = time.monotonic() + 480
    while time.monotonic() < deadline:
        runs = server.post(
            "flow_runs/filter",
            sort="START_TIME_DESC",
            flow_runs={"state": {"type": {"any_": [state]}}, "deployment_id": {"is_null_": False}},
        )
        for found in runs:
            if found["auto_scheduled"]:
                return dict(found)
        time.sleep(1)
    raise AssertionError(f"no scheduled run was {state} in eight minutes")


def wait_for_end(server: Server, of_run: dict[str, Any]) -> dict[str, Any]:
    """The state in which a run ends."""
    deadline = time.monotonic() + 480
    while time.monotonic() < deadline:
        state: dict[str, Any] = server.get(f"flow_runs/{of_run['id']}")["state"]
        if state["type"] != "RUNNING":
            return state
        time.sleep(1)
    raise AssertionError("the run did not end in eight minutes")


def wait_for_heartbeat(server: Server, of_run: dict[str, Any]) -> None:
    """Wait for a heartbeat: without one there is nothing that could fall silent."""
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
            if status == 503:
                self.send_header("Retry-After", "0.1")
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


def months(catalog: Path) -> list[str]:
    """The months that a catalog covers."""
    (about,) = json.loads((catalog / "manifest.json").read_text())["exporters"].values()
    return list(about["covered"]["NIFTY"])


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
