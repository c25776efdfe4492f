"""The stages of the pipeline inside this process, for benchmarks that need marts to measure on."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greeks import enrich
from loaders.landing import land
from warehouse.last_build import build_what_is_due


@dataclass(frozen=True)
class Seconds:
    """What loading and building took."""

    load: float
    build: float
    greeks: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.load + self.build + self.greeks


@contextmanager
def dbt_target(folder: Path) -> Iterator[None]:
    """Keep dbt's parsed project and its results for a benchmark's database apart, in a folder."""
    ours = {"DBT_TARGET_PATH": str(folder), "DBT_WRITE_JSON": "true"}
    earlier = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in earlier.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def load_and_build(files: list[tuple[str, Path]]) -> Seconds:
    """Land files, bring the marts up to date without dbt's tests, compute the Greeks.

    Parameters
    ----------
    files : list of (source, path)
    """
    started = time.perf_counter()
    landed, built = build_without_greeks(files)
    enrich.compute_due()
    return Seconds(landed - started, built - landed, time.perf_counter() - built)


def build_without_greeks(files: list[tuple[str, Path]]) -> tuple[float, float]:
    """Land files and bring the marts up to date without dbt's tests.

    Parameters
    ----------
    files : list of (source, path)

    Returns
    -------
    tuple of float
        When the files had landed, and when the marts were built, by `time.perf_counter`.
    """
    for source in dict.fromkeys(source for source, _ in files):
        land(source, [path for wanted, path in files if wanted == source]).raise_if_failed()
    landed = time.perf_counter()
    build_what_is_due(lambda: None, tests=False)  # landing has made the raw tables
    return landed, time.perf_counter()
