"""Runs dbt in a process of its own and tells what it does, node by node."""

import csv
import glob
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from warehouse.database import connect, database_url, locks, profile
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

# Seeds that a user may replace, each with its column of dates; the setting has the seed's name.
_OWN_SEEDS = {"risk_free_rates": "valid_from", "equity_corporate_actions": "ex_date"}
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DBT = "import json, sys; from warehouse.due_nodes import run; run(*json.loads(sys.argv[1]))"


@dataclass(frozen=True)
class NodeResult:
    """What became of one node of a run.

    Attributes
    ----------
    kind : str
        `model`, `seed`, `test`, `unit_test`, `operation` …
    name : str
        The node's name.
    status : str
        `success`, `pass`, `warn`, `error`, `fail` or `skipped`.
    message : str
        What the adapter said of it, such as `INSERT 0 3979` or `nothing new`; the error where it failed.
    seconds : float
        Wall time.
    done, total : int
        Position in the run.
    """

    kind: str
    name: str
    status: str
    message: str
    seconds: float
    done: int
    total: int


@dataclass
class Run:
    """A finished dbt run.

    Attributes
    ----------
    nodes : list of NodeResult
        In the order in which they ended.
    notes : list of str
        What models logged, such as the slices that they rebuilt.
    remarks : list of str
        What the project warns of, such as a calendar that ends soon.
    not_asked : list of str
        Tests that warned in an earlier run and that this one had no reason to run again.
    queries : dict
        The query files of tests that failed, by the position of dbt's complaint about the test.
    """

    nodes: list[NodeResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)
    queries: dict[int, Path] = field(default_factory=dict)

    @property
    def failures(self) -> list[NodeResult]:
        """Nodes that failed."""
        return [node for node in self.nodes if node.status in ("error", "fail")]

    @property
    def warning_tests(self) -> list[str]:
        """Tests that warn, those that were not run again included."""
        return [node.name for node in self.nodes if node.status == "warn"] + self.not_asked

    @property
    def warnings(self) -> list[str]:
        """What to tell the user although nothing failed: which tests warn, then the remarks."""
        warning = self.warning_tests
        tests = f"{len(warning)} test{'s warn' if len(warning) > 1 else ' warns'}: {', '.join(warning)}"
        return [*([tests] if warning else []), *self.remarks]


def run_dbt(
    command: str,
    arguments: Sequence[str] = (),
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    environment: Mapping[str, str] | None = None,
    on_node: Callable[[NodeResult], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Run:
    """Run a dbt command against the current database.

    Parameters
    ----------
    command : str
        `build`, `run`, `test`, `seed`, `docs generate` …
    arguments : sequence of str
        Further arguments, as on dbt's command line.
    only : mapping, optional
        Which loads have changed, as `warehouse.due_nodes.due_nodes` takes it: no other node runs.
    environment : mapping, optional
        Variables for dbt's process beside those of this one.
    on_node, on_note : callable, optional
        Called as nodes end and as models log something.

    Returns
    -------
    Run
        All nodes; none of them failed.

    Raises
    ------
    TickmartError
        A node failed, or dbt itself did; the message names the nodes and their errors.
    """
    folder, password = profile.for_our_runs(database_url())
    before = ["--log-format", "json", "--no-use-colors", "--log-level-file", "none"]
    after = ["--profiles-dir", str(folder), "--project-dir", str(PROJECT_FOLDER), *arguments]
    narrow = []
    if only is not None:
        # nothing but loads has changed: the manifest that the last whole build wrote still holds
        unwritten = [] if "DBT_WRITE_JSON" in os.environ else ["--no-write-json"]
        narrow = ["--cache-selected-only", *unwritten]
    dbt = [*before, *narrow, *command.split(), *after]
    # the kept parse is written as ever; the manifest as JSON takes seconds, and nothing here reads it
    parse = [*before, "--no-write-json", "parse", *after]
    process = subprocess.Popen(
        [sys.executable, "-c", _DBT, json.dumps([os.getpid(), only, dbt, parse])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            **password,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
            **told_to_dbt(),
            **(environment or {}),
        },
        cwd=PROJECT_FOLDER,
    )
    run, complaints = Run(), list[str]()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            _take(line, run, complaints, on_node, on_note)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if run.failures or status != 0:
        raise TickmartError(_describe_failure(command, run, complaints or [f"exit code {status}"]))
    return run


@contextmanager
def build_lock() -> Iterator[None]:
    """Hold the build lock of the database: one build at a time.

    Raises
    ------
    TickmartError
        Somebody else holds it; the message says who, from where and since when.
    """
    with locks.held(locks.BUILD, "another build is running on this database") as process:
        os.environ["TICKMART_BUILD_PID"] = str(process)
        try:
            yield
        finally:
            del os.environ["TICKMART_BUILD_PID"]


def told_to_dbt() -> dict[str, str]:
    """Return the settings that dbt is told of, by environment variable: seeds of the user, and the day.

    Raises
    ------
    TickmartError
        A setting names a seed that is missing or is not as it must be; the message says what is wrong.
    """
    today = settings().today
    return {
        **{_variable(seed): _seed_named(seed) for seed in _OWN_SEEDS},
        **({"TICKMART_TODAY": today.isoformat()} if today else {}),
    }


def _variable(seed: str) -> str:
    return f"TICKMART_{seed.upper()}"


def _seed_named(seed: str) -> str:
    seeds, variable, name = PROJECT_FOLDER / "seeds", _variable(seed), getattr(settings(), seed)
    found = next(seeds.rglob(f"{glob.escape(name)}.csv"), None)
    if found is None:
        raise TickmartError(
            f"{variable} names {name}, but there is no {name}.csv in seeds/. "
            "Put it into seeds/own/; its README.md says which columns it has."
        )
    if name != seed:
        with (seeds / f"{seed}.csv").open(encoding="utf-8") as lines:
            wanted = next(csv.reader(lines))
        fault = _fault_of_seed(found, wanted, _OWN_SEEDS[seed])
        if fault:
            raise TickmartError(f"{variable} names {name}, but {fault} (seeds/own/README.md)")
    return str(name)


def _fault_of_seed(path: Path, wanted: Sequence[str], date_column: str) -> str | None:
    # dbt would report it in the database's words, or take 04-08-2025 for a day in April.
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        columns = next(rows, [])
        missing = [column for column in wanted if column not in columns]
        if missing:
            named = ", ".join(wanted)
            return f"{path.name} has no column {', '.join(missing)}; its first line must name {named}"
        for row in rows:
            where = f"line {rows.line_num} of {path.name}"
            if row and len(row) != len(columns):
                return f"{where} has {len(row)} fields where the first line has {len(columns)}"
            if row and not _ISO_DATE.fullmatch(written := row[columns.index(date_column)]):
                return f"{where} has the {date_column} {written!r}: write YYYY-MM-DD"
    return None


_MOST_NAMED = 10
_MOST_ROWS = 3
_LONGEST_ROW = 400
_SAYS_WHAT_FAILED = {"RunResultError", "RunResultErrorNoMessage", "RunResultFailure", "MainEncounteredError"}
_NODE_ENDED = {
    "LogFunctionResult",
    "LogHookEndLine",
    "LogModelResult",
    "LogNodeResult",
    "LogSeedResult",
    "LogSkipBecauseError",
    "LogTestResult",
    "SkippingDetails",
}


def _describe_failure(command: str, run: Run, complaints: Sequence[str]) -> str:
    named = ", ".join(f"{node.kind} {node.name}" for node in run.failures[:_MOST_NAMED])
    more = len(run.failures) - _MOST_NAMED
    heading = f"dbt {command} failed"
    if named:
        heading += f": {named}" + (f" and {more} more" if more > 0 else "")
    lines = []
    for position, text in enumerate(complaints[:_MOST_NAMED]):
        lines += [text, *(f"  {row}" for row in _first_rows(run.queries.get(position)))]
    return "\n".join([heading, *(f"  {line}" for line in [*lines, *run.remarks])])


def _first_rows(query: Path | None) -> list[str]:
    """Return the first rows that a failing test found; none where they cannot be read any more."""
    if query is None:
        return []
    try:
        test = query.read_text()
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"select to_json(failing)::text from ({test}\n) as failing limit {_MOST_ROWS}")
            return [row[0][:_LONGEST_ROW] for row in cursor.fetchall()]
    except (OSError, psycopg2.Error, TickmartError):
        return []


def _take(
    line: str,
    run: Run,
    complaints: list[str],
    on_node: Callable[[NodeResult], None] | None,
    on_note: Callable[[str], None] | None,
) -> None:
    try:
        event = json.loads(line)
        info, data = event["info"], event["data"]
    except (json.JSONDecodeError, KeyError, TypeError):
        if line.strip():
            complaints.append(line.strip())
        return
    if info["name"] == "JinjaLogInfo":
        run.notes.append(data["msg"])
        if on_note is not None:
            on_note(data["msg"])
    elif info["name"] == "JinjaLogWarning":
        run.remarks.append(data["msg"])
    elif info["name"] in _NODE_ENDED and "node_info" in data:
        node = data["node_info"]
        result = NodeResult(
            kind=str(node.get("resource_type", "")),
            name=str(node.get("node_name", "")),
            status=str(node.get("node_status", "")),
            message=str(data.get("result_message") or data.get("status") or ""),
            seconds=float(data.get("execution_time") or 0.0),
            done=int(data.get("index") or 0),
            total=int(data.get("total") or 0),
        )
        run.nodes.append(result)
        if on_node is not None:
            on_node(result)
    elif info["name"] == "SQLCompiledPath" and complaints:
        name = data.get("node_info", {}).get("node_name")
        if any((node.kind, node.status, node.name) == ("test", "fail", name) for node in run.failures):
            run.queries[len(complaints) - 1] = PROJECT_FOLDER / data["path"]
    elif info["level"] == "error" and info["name"] in _SAYS_WHAT_FAILED:
        complaints.append(" ".join(str(info["msg"]).split()))
