"""Whether anything is due since the last whole build of a database: its files and the database, compared.

A build that finds both as the last whole and successful one left them need not start dbt. Whatever may change
what a build does counts: files, settings and versions (`project`), the ledger, what was built from it, the
tables and views themselves, policies (`state`). When in doubt a build runs: only the end of a whole build
writes the record, and whatever plain dbt, a part of a build or somebody's own SQL does to tables and views
shows as another state.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg2.extensions

from warehouse.calendar_advice import calendar_advice
from warehouse.database import connect
from warehouse.dbt import NodeResult, Run, build_lock, run_dbt, told_to_dbt
from warehouse.exchange_sessions import write_needed_sessions
from warehouse.settings import PROJECT_FOLDER, settings

_FOLDERS_OF_DBT = ("models", "macros", "seeds", "functions", "tests/data")
# The folders of the code that makes raw tables, runs dbt and prices.
_FOLDERS_OF_PYTHON = ("loaders", "greeks", "warehouse", "tickmart")
_VARIABLE = re.compile(rb"env_var\(\s*['\"](\w+)['\"]")
# Variables of dbt's own that say where and how it writes, not what it builds.
_SAYS_NOTHING = re.compile(
    r"TICKMART_BUILD_PID|TICKMART_NEW_LOADS|DBT_(ENV_SECRET_.*|LOG_.*|TARGET_PATH|PROFILES_DIR|PROJECT_DIR|WRITE_JSON|DEBUG|QUIET"
    r"|.*PARTIAL_PARSE.*|.*COLORS.*|PRINTER_WIDTH|SEND_ANONYMOUS_USAGE_STATS|CACHE_SELECTED_ONLY)"
)
# Before the name of a test that warned, among the recorded warnings.
_A_TEST = "test "
_DISTRIBUTIONS = ("dbt-core", "dbt-postgres", "dbt-adapters", "exchange_calendars")


def build_what_is_due(
    prepare: Callable[[], None],
    *,
    select: str = "",
    full_refresh: bool = False,
    tests: bool = True,
    on_node: Callable[[NodeResult], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Run:
    """Run `dbt build` under the build lock, unless nothing has changed since the last whole build.

    Parameters
    ----------
    prepare : callable
        Called under the lock before dbt starts; makes the raw tables that are missing.
    select : str
        Only these nodes, in dbt's syntax; always runs.
    full_refresh : bool
        Build every slice again; always runs.
    tests : bool
        Run dbt's tests beside the models. What was built without them is due for a build with them.
    on_node, on_note : callable, optional
        As `run_dbt` takes them.

    Returns
    -------
    Run
        Without any node where nothing was due and dbt was not started; its warnings are those of the last
        build.

    Raises
    ------
    TickmartError
        Another build is running, or something failed.
    """
    arguments = [
        *(["--select", select] if select else []),
        *(["--full-refresh"] if full_refresh else []),
    ]
    # unit tests check the models' SQL, which no load changes: `dbt build` and `dbt test` run them
    left_out = f"--exclude-resource-type unit_test{'' if tests else ' --exclude-resource-type test'}"
    with build_lock():
        project = fingerprint_of_project()
        changes = None
        if not arguments:
            with connect() as connection:
                changes = _changes(connection, project, tests)
                if changes is not None and not changes.loads:
                    run = Run(remarks=calendar_advice(connection).sentences())
                    return changes.with_warnings(run)
        prepare()
        with connect() as connection:
            write_needed_sessions(connection)
            before = {"newest_load": _newest_load(connection)} | state_of(connection)
        if changes is not None:
            # one that has landed since then is for the next build
            before |= {"loads": changes.loads_now, "newest_load": changes.newest_load}
        command = f"build {left_out}"
        run = Run()
        is_whole = changes is None
        if changes is not None:
            run = changes.with_warnings(
                run_dbt(
                    command,
                    only=changes.reach(),
                    environment=changes.told_to_dbt(),
                    on_node=on_node,
                    on_note=on_note,
                )
            )
            with connect() as connection:
                is_whole = _left_something_due(connection, before)
        if is_whole:
            whole = run_dbt(command, arguments, on_node=on_node, on_note=on_note)
            run = Run(run.nodes + whole.nodes, run.notes + whole.notes, whole.remarks)
        if not select:
            with connect() as connection:
                _record(connection, project, before, tests, run)
    return run


def fingerprint_of_project() -> str:
    """Return a hash of everything outside the database that decides what a build does.

    Raises
    ------
    TickmartError
        A setting names a seed that is not there, or not as it must be.
    """
    found = hashlib.sha256()
    variables: set[str] = set()
    for folder in _FOLDERS_OF_DBT:
        for path in _files(PROJECT_FOLDER / folder):
            content = path.read_bytes()
            variables.update(name.decode() for name in _VARIABLE.findall(content))
            _add(found, str(path.relative_to(PROJECT_FOLDER)), content)
    _add(found, "dbt_project.yml", (PROJECT_FOLDER / "dbt_project.yml").read_bytes())
    for folder in _FOLDERS_OF_PYTHON:
        for path in _files(PROJECT_FOLDER / folder, ".py"):
            _add(found, str(path.relative_to(PROJECT_FOLDER)), path.read_bytes())
    environment = {name: os.environ.get(name, "") for name in variables}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("DBT_")}
    environment = {name: value for name, value in environment.items() if not _SAYS_NOTHING.fullmatch(name)}
    for name, value in sorted({**environment, **told_to_dbt()}.items()):
        _add(found, name, value.encode(errors="surrogateescape"))
    for distribution in _DISTRIBUTIONS:
        _add(found, distribution, version(distribution).encode())
    return found.hexdigest()


def state_of(connection: psycopg2.extensions.connection) -> dict[str, Any]:
    """Return what in a database decides whether a build has something to do; equal means unchanged.

    Rows are compared by their number and the sum of the transactions that wrote them: with as many rows as
    before, every row that came later makes the sum greater.

    Parameters
    ----------
    connection : psycopg2 connection
        Committed before this returns.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        ((state, edition),) = cursor.fetchall()
        if edition == "timescale":
            cursor.execute(_POLICIES)
            state["policies"] = cursor.fetchall()[0][0]
    connection.commit()
    found: dict[str, Any] = state
    return found


def state_of_marts(connection: psycopg2.extensions.connection) -> dict[str, Any]:
    """Return the state of a database that decides what its marts hold; equal means unchanged.

    Parameters
    ----------
    connection : psycopg2 connection
        Committed before this returns.
    """
    state = state_of(connection)
    with connection.cursor() as cursor:
        # A policy of the Community edition may drop old chunks. Those of a developer's target hold no mart.
        cursor.execute(
            "select count(*) from pg_inherits inner join pg_class on pg_class.oid = inhparent"
            " where relnamespace::regnamespace::text"
            " in ('intermediate', 'enrichment', '_timescaledb_internal')"
        )
        ((state["chunks"],),) = cursor.fetchall()
    state["greeks"] = _state_of_greeks(connection)
    connection.commit()
    return state


def compute_greeks_if_due[Outcome](run: Run, compute: Callable[[], Outcome]) -> Outcome | None:
    """Call the Greeks step, unless it had nothing left to do and nothing was built or priced since.

    Parameters
    ----------
    run : Run
        The build before this.
    compute : callable
        Computes all Greeks that are due.

    Returns
    -------
    Outcome or None
        What `compute` returned; None where it was not called.
    """
    with connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("select state, greeks from audit.last_build")
            ((state, computed),) = cursor.fetchall()
        if not run.nodes and computed == _state_of_greeks(connection):
            return None
    outcome = compute()
    with connect() as connection, connection.cursor() as cursor:
        # not if somebody has built meanwhile, because other Greeks may then be due
        cursor.execute(
            "update audit.last_build set greeks = %(greeks)s"
            " where state = %(state)s and greeks is distinct from %(greeks)s",
            {"greeks": _state_of_greeks(connection), "state": json.dumps(state)},
        )
    return outcome


@dataclass(frozen=True)
class _Changes:
    """What differs between a database and its last whole build, where that can be nothing but loads.

    Attributes
    ----------
    loads : set of str
        Raw tables of loads that came or went.
    held : set of str
        Raw tables that have loads, or had some.
    loads_now : dict
        The loads that there are, as the state has them.
    newest_load : int
        The highest id of a load; 0 where there is none.
    new_loads : list of int
        Loads that were not there yet, and those whose sessions no build has recorded.
    warnings : list of str
        What the last build warned of, as it is recorded.
    """

    loads: set[str]
    held: set[str]
    loads_now: dict[str, str]
    newest_load: int
    new_loads: list[int]
    warnings: list[str]

    def with_warnings(self, run: Run) -> Run:
        """Return a run that adds the last build's warnings about whatever it has not checked again."""
        asked = {node.name for node in run.nodes}
        tests = [text.removeprefix(_A_TEST) for text in self.warnings if text.startswith(_A_TEST)]
        remarks = [text for text in self.warnings if not text.startswith(_A_TEST)] if not run.nodes else []
        return replace(
            run,
            remarks=[*remarks, *run.remarks],
            not_asked=[name for name in tests if name not in asked],
        )

    def reach(self) -> dict[str, list[str]]:
        """Return the parameters of `due_nodes`."""
        return {
            "raw_tables": sorted(table.removeprefix("raw.") for table in self.loads),
            "held": sorted(table.removeprefix("raw.") for table in self.held),
        }

    def told_to_dbt(self) -> dict[str, str]:
        """Return what dbt's tests are told: the loads whose sessions they look at."""
        return {"TICKMART_NEW_LOADS": ",".join(map(str, self.new_loads))}


def _changes(connection: psycopg2.extensions.connection, project: str, tests: bool) -> _Changes | None:
    """Return what differs; None where it is more than loads, or not known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select state, warnings from audit.last_build where project = %s and (is_tested or not %s)",
            (project, tests),
        )
        recorded = cursor.fetchall()
    if not recorded:
        return None
    ((before, warnings),) = recorded
    # read before the loads themselves: one that lands in between is new to this build and to the next
    newest = _newest_load(connection)
    now = state_of(connection)
    loads_before, loads_now = before.pop("loads"), now.pop("loads")
    newest_before = before.pop("newest_load", 0)
    if before != now:
        return None
    keys = {*loads_before, *loads_now}
    changed = {key for key in keys if loads_before.get(key) != loads_now.get(key)}
    with connection.cursor() as cursor:
        cursor.execute(
            "select load_id from audit.current_loads where load_id > %s or load_id not in"
            " (select load_id from audit.built_loads where model = 'int_loads__slices') order by load_id",
            (newest_before,),
        )
        new_loads = [load_id for (load_id,) in cursor]
    connection.commit()
    return _Changes(
        loads={key.split(" ", 1)[1] for key in changed},
        held={key.split(" ", 1)[1] for key in keys},
        loads_now=loads_now,
        newest_load=newest,
        new_loads=new_loads,
        warnings=warnings,
    )


def _newest_load(connection: psycopg2.extensions.connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(load_id), 0) from audit.loads")
        ((newest,),) = cursor.fetchall()
    connection.commit()
    return int(newest)


def _left_something_due(connection: psycopg2.extensions.connection, before: dict[str, Any]) -> bool:
    """Return whether a partial build has made models outside it due again, or changed their rules."""
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from audit.left_due)")
        ((is_left,),) = cursor.fetchall()
    return bool(is_left or state_of(connection)["rules"] != before["rules"])


def _record(
    connection: psycopg2.extensions.connection,
    project: str,
    before: dict[str, Any],
    tests: bool,
    run: Run,
) -> None:
    # a load that landed meanwhile may be built or not: it counts as new
    state = state_of(connection) | {"loads": before["loads"], "newest_load": before["newest_load"]}
    advice = calendar_advice(connection).sentences()
    warnings = [_A_TEST + name for name in run.warning_tests]
    warnings += [remark for remark in run.remarks if remark not in advice]
    with connection.cursor() as cursor:
        cursor.execute(
            "update audit.last_build"
            " set project = %s, state = %s, is_tested = %s, warnings = %s, greeks = null"
            " where not exists (select from audit.left_due)",
            (project, json.dumps(state), tests, warnings),
        )
    connection.commit()


def _state_of_greeks(connection: psycopg2.extensions.connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "select concat_ws(' ', count(*), sum(xmin::text::bigint)) from enrichment.greeks_slices"
        )
        ((slices,),) = cursor.fetchall()
    return f"second order {settings().second_order_greeks}, slices {slices}"


def _files(folder: Path, suffix: str = "") -> list[Path]:
    return sorted(
        path
        for path in folder.rglob(f"*{suffix}")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def _add(found: "hashlib._Hash", name: str, content: bytes) -> None:
    found.update(f"{name}\0{len(content)}\0".encode())
    found.update(content)


_STATE = """
with
rows_of (name, found) as (
    select 'built loads', concat_ws(' ', count(*), sum(xmin::text::bigint)) from audit.built_loads
    union all
    select 'rules', concat_ws(' ', count(*), sum(xmin::text::bigint)) from audit.built_models
    union all
    select 'migration', string_agg(version_num, ' ') from audit.alembic_version
    union all
    select 'server', concat_ws(
        ' ', current_setting('server_version_num'), extversion, current_setting('timescaledb.license', true),
        to_regrole('tickmart_analyst')
    )
    from pg_extension where extname = 'timescaledb'
    union all
    -- tables, views, indexes, their columns, definitions, comments and rights, each changed by a transaction
    select 'relations', concat_ws(
        ' ', count(*), sum(classes.xmin::text::bigint), sum(columns.found), sum(columns.written),
        sum(definitions.written), sum(comments.found), sum(comments.written)
    )
    from pg_class as classes
    cross join lateral (
        select count(*) as found, sum(xmin::text::bigint) as written
        from pg_attribute where attrelid = classes.oid and attnum > 0 and not attisdropped
    ) as columns
    cross join lateral (
        select sum(xmin::text::bigint) as written from pg_rewrite where ev_class = classes.oid
    ) as definitions
    cross join lateral (
        select count(*) as found, sum(xmin::text::bigint) as written
        from pg_description where objoid = classes.oid and classoid = 'pg_class'::regclass
    ) as comments
    where classes.relnamespace::regnamespace::text in ('staging', 'intermediate', 'marts', 'facts')
    union all
    select 'functions', concat_ws(' ', count(*), sum(xmin::text::bigint))
    from pg_proc where pronamespace::regnamespace::text = 'intermediate'
    union all
    select 'schemas', concat_ws(' ', count(*), sum(xmin::text::bigint))
    from pg_namespace where nspname in ('staging', 'intermediate', 'marts', 'facts')
    union all
    select 'tables beneath', concat_ws(' ', count(*), sum(classes.oid::bigint))
    from pg_class as classes
    where classes.relnamespace::regnamespace::text in ('raw', 'audit', 'enrichment') and relkind in ('r', 'v')
),

loads_of as (
    select
        concat(source, ' ', raw_table) as landed,
        concat_ws(' ', count(*), sum(xmin::text::bigint)) as found
    from audit.loads
    where status <> 'failed'
    group by source, raw_table
)

select
    (select jsonb_object_agg(name, found) from rows_of)
    || jsonb_build_object('loads', (select coalesce(jsonb_object_agg(landed, found), '{}') from loads_of)),
    current_setting('timescaledb.license', true)
"""

# The policies that the Community edition runs by itself, as a build sets them.
_POLICIES = """
select md5(concat_ws(
    '|',
    (
        select string_agg(
            concat_ws(' ', hypertable_schema, hypertable_name, proc_name, schedule_interval, config), ';'
            order by hypertable_schema, hypertable_name, proc_name
        )
        from timescaledb_information.jobs where hypertable_name is not null
    ),
    (
        select string_agg(concat_ws(' ', hypertable, segmentby, orderby), ';' order by hypertable::text)
        from timescaledb_information.hypertable_compression_settings
    )
))
"""
