"""The Greeks step, read, compute and write: on one process, on two, on two workers of a Dask cluster.

Each turn computes all slices of one database from nothing, as the command that a user types. The cluster runs
before and after; the time that it takes to start is not part of a turn.
"""

import json
import sys
import tempfile
from pathlib import Path

from distributed import LocalCluster

from benchmarks.databases import fresh_database
from benchmarks.measuring import (
    MEGABYTE,
    Line,
    Measured,
    Scale,
    duration,
    memory_of_imports,
    rate,
    ratio_of,
    run_measured,
)
from benchmarks.stages import build_without_greeks, dbt_target
from greeks.tables import TABLES
from sampledata.generate import write_sample
from warehouse import database

SMALLEST = Scale(rows=1_000, repeats=1)
DEFAULT_ROWS = 1_000_000
DEFAULT_REPEATS = 3

_WAYS = ("1 process", "2 processes", "2 workers of Dask")


def run(scale: Scale) -> list[Line]:
    """Measure the three ways in turns."""
    rows = scale.rows or DEFAULT_ROWS
    with tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name, fresh_database(scale.template):
        folder = Path(name)
        strikes = 3 if rows < 10_000 else 81
        write_sample(folder, rows=rows, strikes=strikes, with_bhavcopy=False)
        with dbt_target(folder / "target"):
            build_without_greeks([("nse-minute", folder / "nse-minute")])
        measured = _in_turns(scale.repeats or DEFAULT_REPEATS)
    return [*_speeds(measured), *_memory(measured)]


def _in_turns(repeats: int) -> dict[str, list[Measured]]:
    measured: dict[str, list[Measured]] = {way: [] for way in _WAYS}
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        arguments = {
            "1 process": ["--processes", "1"],
            "2 processes": ["--processes", "2"],
            "2 workers of Dask": ["--cluster", str(cluster.scheduler_address)],
        }
        order = list(_WAYS)
        for _ in range(repeats):
            for way in order:
                _forget()
                command = [sys.executable, "-m", "tickmart", "greeks", "--json", *arguments[way]]
                measured[way].append(run_measured(command))
            order.reverse()
    return measured


def _speeds(measured: dict[str, list[Measured]]) -> list[Line]:
    outcomes = {way: [json.loads(turn.output) for turn in turns] for way, turns in measured.items()}
    seconds = {way: [outcome["seconds"] for outcome in found] for way, found in outcomes.items()}
    alone = seconds["1 process"]
    return [
        Line(
            "greeks step",
            f"{outcomes[way][0]['rows']:,} rows on {way}, {duration(seconds[way])}",
            rate(outcomes[way][0]["rows"], seconds[way]),
            f"on 1 process: {rate(outcomes[way][0]['rows'], alone)}",
            ratio_of(seconds[way], alone),
        )
        for way in _WAYS
    ]


def _memory(measured: dict[str, list[Measured]]) -> list[Line]:
    before = memory_of_imports(("tickmart.main", "greeks.enrich"))
    peaks = {
        (way, role): max(turn.peaks.get(role, 0) for turn in turns)
        for way, turns in measured.items()
        for role in ("command", "worker")
    }
    return [
        Line(
            "greeks step memory",
            f"{way}: {role}",
            f"{max(peak - before, 0) / MEGABYTE:.0f} MB above imports",
            f"imports: {before / MEGABYTE:.0f} MB",
            wanted="< 400 MB",
        )
        for (way, role), peak in peaks.items()
        if peak
    ]


def _forget() -> None:
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                f"truncate {', '.join(TABLES)}, enrichment.greeks_slices, enrichment.volatility_fits,"
                " enrichment.volatility_nodes"
            )
        connection.commit()
