"""Load, build, Greeks and export of generated bars: rows per second by stage, and peak memory.

Each stage is the command that a user types, in a process of its own, without dbt's tests and without reading
the catalog back. Beside it, before and after: the row-by-row way on a sample.
"""

import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import row_by_row
from benchmarks.databases import fresh_database
from benchmarks.measuring import MEGABYTE, Line, Measured, Scale, memory_of_imports, rate, run_measured
from benchmarks.stages import dbt_target
from sampledata.generate import WrittenFile, write_sample
from warehouse import database

SMALLEST = Scale(rows=1_000)
DEFAULT_ROWS = 1_000_000
SAMPLE_ROWS = 4_000

_EXPORT_IMPORTS = (
    "tickmart.main", "tickmart.export", "exporters.formats.nautilus", "nautilus_trader.model.instruments",
    "nautilus_trader.serialization.arrow.serializer",
)  # fmt: skip
_IMPORTS = {
    ("load", "command"): ("tickmart.main", "tickmart.load"),
    ("build", "command"): ("tickmart.main", "tickmart.build"),
    ("build", "dbt"): ("dbt.cli.main", "dbt.adapters.postgres"),
    ("Greeks", "command"): ("tickmart.main", "tickmart.greeks"),
    ("Greeks", "worker"): ("tickmart.main", "greeks.enrich"),
    ("Nautilus export", "command"): _EXPORT_IMPORTS,
}


@dataclass
class Stage:
    """A stage that has run: what it took, and the rows that it handled."""

    name: str
    rows: int
    measured: Measured


def run(scale: Scale) -> list[Line]:
    """Measure the pipeline, and the row-by-row way before and after it."""
    rows = scale.rows or DEFAULT_ROWS
    with tempfile.TemporaryDirectory(prefix="tickmart-bench-") as name, fresh_database(scale.template):
        folder = Path(name)
        # few strikes for few rows: a session is the least that can be generated
        strikes = 3 if rows < 10_000 else 41
        files = write_sample(folder, rows=rows, strikes=strikes, with_bhavcopy=False)
        sample = min(SAMPLE_ROWS, rows // 4)
        beside = [_row_by_row(folder, files, sample)]
        stages = _stages(folder)
        beside.append(_row_by_row(folder, files, sample))
        models = _model_seconds(folder)
    return [*_speeds(stages, beside), *_memory(stages), *_slowest(models)]


def _stages(folder: Path) -> list[Stage]:
    with dbt_target(folder / "target"):
        tickmart = (sys.executable, "-m", "tickmart")
        catalog = str(folder / "catalog")
        load = run_measured([*tickmart, "load", "nse-minute", str(folder / "nse-minute"), "--json"])
        loaded = _count("raw.gfdl_minute_bars")
        build = run_measured([*tickmart, "build", "--no-tests", "--no-greeks", "--json"])
        greeks = run_measured([*tickmart, "greeks", "--json"])
        export = run_measured([*tickmart, "export", "nautilus", "--no-verify", "--to", catalog, "--json"])
    return [
        Stage("load", loaded, load),
        Stage("build", loaded, build),
        Stage("Greeks", json.loads(greeks.output)["rows"], greeks),
        Stage("Nautilus export", json.loads(export.output)["rows"], export),
    ]


def _speeds(stages: list[Stage], beside: list[row_by_row.RowByRow]) -> list[Line]:
    def others(stage: str) -> list[float]:
        return [run.seconds[stage] for run in beside]

    taken = beside[0].rows
    matches = {"load": "load", "Greeks": "greeks", "Nautilus export": "export"}
    lines = []
    for stage in stages:
        text, ratio = "", None
        if match := matches.get(stage.name):
            text = f"row by row: {rate(taken, others(match))}"
            ratio = stage.rows / stage.measured.seconds / (taken / statistics.median(others(match)))
        lines.append(
            Line(
                "pipeline",
                f"{stage.name}, {stage.rows:,} rows, {stage.measured.seconds:.1f} s",
                rate(stage.rows, [stage.measured.seconds]),
                text,
                ratio,
            )
        )
    seconds = sum(stage.measured.seconds for stage in stages)
    totals = [run.total for run in beside]
    whole = stages[0].rows / seconds
    lines.append(
        Line(
            "pipeline",
            f"all stages, {stages[0].rows:,} bars, {seconds:.1f} s",
            rate(stages[0].rows, [seconds]),
            f"row by row, {taken:,} bars: {rate(taken, totals)}",
            whole / (taken / statistics.median(totals)),
            "≥ 100 ×",
        )
    )
    return lines


def _memory(stages: list[Stage]) -> list[Line]:
    lines = []
    for stage in stages:
        for role, peak in sorted(stage.measured.peaks.items()):
            imports = _IMPORTS.get((stage.name, role))
            if imports is None or not peak:
                continue
            before = memory_of_imports(imports)
            lines.append(
                Line(
                    "pipeline memory",
                    f"{stage.name}: {role}",
                    f"{max(peak - before, 0) / MEGABYTE:.0f} MB above imports",
                    f"imports: {before / MEGABYTE:.0f} MB",
                    wanted="< 400 MB",
                )
            )
        if stage.measured.server_peak:
            lines.append(
                Line(
                    "pipeline memory",
                    f"{stage.name}: database server, private",
                    f"{stage.measured.server_peak / MEGABYTE:.0f} MB",
                )
            )
    return lines


def _slowest(models: list[tuple[float, str]], most: int = 5) -> list[Line]:
    slowest = sorted(models, reverse=True)[:most]
    return [Line("pipeline models", name, f"{seconds:.1f} s") for seconds, name in slowest]


def _model_seconds(folder: Path) -> list[tuple[float, str]]:
    results: list[dict[str, Any]] = json.loads((folder / "target/run_results.json").read_text())["results"]
    return [
        (result["execution_time"], result["unique_id"].split(".", 2)[2])
        for result in results
        if result["unique_id"].startswith("model.")
    ]


def _row_by_row(folder: Path, files: list[WrittenFile], rows: int) -> row_by_row.RowByRow:
    options = next(file.path for file in files if file.kind == "options")
    index = next(file.path for file in files if file.kind == "index")
    with tempfile.TemporaryDirectory(dir=folder) as catalog:
        return row_by_row.run(options, index, Path(catalog), rows)


def _count(table: str) -> int:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        ((count,),) = cursor.fetchall()
    return int(count)
