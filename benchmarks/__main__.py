"""`python -m benchmarks`, or `make bench`: run benchmarks and print one table."""

import argparse
import importlib
import logging
import os
import platform
import sys
import time

import psutil
import structlog

from benchmarks.measuring import Line, Scale, table

BENCHMARKS = (
    *("landing", "anybodys_csv", "pipeline", "greeks", "accuracy", "greeks_step", "export", "one_more_day"),
    "query",
)


def main() -> None:
    """Run the benchmarks that are named, all without a name."""
    given = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    lines: list[Line] = []
    for name in given.names or BENCHMARKS:
        started = time.perf_counter()
        module = importlib.import_module(f"benchmarks.{name}")
        scale = module.SMALLEST if given.smallest else Scale(given.rows, given.repeats)
        lines += module.run(scale)
        sys.stderr.write(f"{name}: {time.perf_counter() - started:.0f} s\n")
    sys.stdout.write(f"{_machine()}\n\n{table(lines)}\n")


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{psutil.cpu_count()} cores, {memory:.0f} GB, {platform.machine()}, Python {python}"


def _arguments() -> argparse.Namespace:
    # make hands BENCH=… ROWS=… REPEATS=… over as environment variables
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=os.environ.get("BENCH", "").split(), metavar="benchmark",
        help=f"{', '.join(BENCHMARKS)}; without one, all (also BENCH=…)",
    )  # fmt: skip
    parser.add_argument("--rows", type=int, default=_number("ROWS"), help="rows to generate (also ROWS=…)")
    parser.add_argument("--repeats", type=int, default=_number("REPEATS"), help="turns each (also REPEATS=…)")
    parser.add_argument("--smallest", action="store_true", help="only see that everything runs")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return given


def _number(name: str) -> int | None:
    text = os.environ.get(name, "").replace("_", "").replace(",", "")
    return int(text) if text else None


if __name__ == "__main__":
    main()
