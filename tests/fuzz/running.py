"""One run of the fuzz: made files, their landing, the build, and the counts that must agree."""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from loaders.landing import land
from loaders.landing.files import DataFile, data_files, expand
from loaders.layouts import choose, split_header
from loaders.source import SUFFIXES, Source
from loaders.sources import SOURCES
from tests.fuzz.mutating import mutated
from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

_FILES_AT_ONCE = 100
_LIST_FETCHED_ON = date(2025, 10, 6)


@dataclass
class Result:
    """What a run found.

    Attributes
    ----------
    files, failed : int
        Files that were made and given to the loaders, and those of them that did not land at all.
    mutations : dict of str to int
        How often each way of damaging was used.
    lines, rows, rejected : int
        Of the files that landed.
    quarantined, superseded : dict of str to int
        Rows by reason, without what follows a colon in it.
    lost : list of str
        Files whose lines are not their rows and rejects.
    build_is_green : bool
    build : str
        What the build said at its end.
    """

    files: int = 0
    failed: int = 0
    mutations: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    rows: int = 0
    rejected: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    superseded: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    build_is_green: bool = False
    build: str = ""

    @property
    def is_good(self) -> bool:
        """Whether no line was lost and the build with all tests was green."""
        return not self.lost and self.build_is_green

    def as_json(self) -> dict[str, Any]:
        """Return it as a document."""
        return asdict(self)


def fuzz(paths: Sequence[Path], *, seed: int, mutations: int, rows: int, seconds: float) -> Result:
    """Damage files, land them into the database of the environment, and build with all tests.

    Parameters
    ----------
    paths : sequence of Path
        Good files, or folders of them; those that no source reads are passed over.
    seed : int
        The same seed makes the same files of the same paths.
    mutations : int
        How many files to make.
    rows : int
        Lines of each at most.
    seconds : float
        When to stop making more.
    """
    rng = random.Random(seed)
    good = list(_good_files(paths))
    result, used = Result(), Counter[str]()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tickmart-fuzz-") as folder:
        while result.files < mutations and time.monotonic() - began < seconds:
            made: dict[Source, list[Path]] = {}
            for number in range(result.files, min(result.files + _FILES_AT_ONCE, mutations)):
                source, name, content = rng.choice(good)
                damaged, done = mutated(content, rng, rows)
                used.update(done)
                path = Path(folder) / f"{number:06d}_{name}.csv"
                path.write_bytes(damaged)
                made.setdefault(source, []).append(path)
            for source, files in made.items():
                _land(source, files, result)
                result.files += len(files)
    result.mutations = dict(sorted(used.items()))
    _build(result)
    return result


def _good_files(paths: Sequence[Path]) -> Iterable[tuple[Source, str, bytes]]:
    """Yield the source, a short name and the bytes of each file that a source reads."""
    for item in expand(paths, SUFFIXES):
        for file in data_files(item, SUFFIXES) if isinstance(item, Path) else ():
            if not isinstance(file, DataFile):
                continue
            with file.open() as stream:
                content = b"".join(iter(lambda: stream.read(1 << 20), b""))
            names = split_header(content.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()).names
            for source in SOURCES.values():
                if source.recognise is None and choose(names, source.layouts) is not None:
                    yield source, source.name, content


def _land(source: Source, files: list[Path], result: Result) -> None:
    report = land(source.name, files, as_of=_LIST_FETCHED_ON if source.undated else None)
    for path, outcome in zip(files, report.outcomes, strict=True):
        if outcome.status == "failed":
            result.failed += 1
            continue
        result.rows += outcome.rows
        result.rejected += outcome.rejected
        lines = _lines(path.read_bytes(), outcome.load_id)
        result.lines += lines
        if lines != outcome.rows + outcome.rejected:
            result.lost.append(
                f"{path.name}: {lines} lines, {outcome.rows} rows, {outcome.rejected} rejected"
            )


def _lines(content: bytes, load_id: int | None) -> int:
    """Count the lines behind the header that are not blank."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode()
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("select header_lines from audit.loads where load_id = %s", (load_id,))
        ((header_lines,),) = cursor.fetchall()
    content = content.rstrip(b"\r\n")
    lines = content.split(b"\n" if b"\n" in content else b"\r")
    return sum(bool(line.strip()) for line in lines[int(header_lines) :])


def _build(result: Result) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tickmart", "build"],
        capture_output=True, text=True, cwd=PROJECT_FOLDER, check=False,
    )  # fmt: skip
    result.build_is_green = done.returncode == 0
    result.build = (done.stderr if done.returncode else done.stdout)[-4_000:]
    if not result.build_is_green:
        return
    with connect() as connection, connection.cursor() as cursor:
        for mart, found in (("quarantine", result.quarantined), ("superseded_rows", result.superseded)):
            cursor.execute(
                f"select split_part(reason, ':', 1), count(*) from marts.{mart} group by 1 order by 2 desc, 1"
            )
            found.update(cursor.fetchall())
