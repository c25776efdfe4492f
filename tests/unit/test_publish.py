"""The way out: staging, journal, manifest; killed at every step."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.publish import Month, Publication, check_manifest, open_store, read_manifest, recover
from warehouse.errors import TickmartError

MARCH, APRIL = Month(2025, 3), Month(2025, 4)

# publishes a second version over the first, and kills itself before its Nth change to the folder
KILLED = """
import os, signal, sys
from pathlib import Path
from exporters.publish import Folder, Month, Publication

left = int(sys.argv[2])

class Dying(Folder):
    threads = 1

    def step(self):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def stage(self, *arguments):
        self.step()
        return super().stage(*arguments)

    def write(self, *arguments):
        self.step()
        super().write(*arguments)

    def move(self, moves):
        for one in moves:
            self.step()
            super().move([one])

    def remove(self, names):
        for one in names:
            self.step()
            super().remove([one])

    def clear(self, prefix):
        self.step()
        super().clear(prefix)

with Publication(Dying(Path(sys.argv[1])), "flat") as publication:
    publication.claim("NIFTY", Month(2025, 3))
    for path, data in (("a.csv", b"new a"), ("c/c.csv", b"new c")):
        publication.put(
            path, lambda data=data: data, rows=1, underlying="NIFTY", month=Month(2025, 3), instrument=path
        )
    publication.commit({})
"""
OLD = {"a.csv": b"old a", "b/b.csv": b"old b", "kept.csv": b"kept"}
NEW = {"a.csv": b"new a", "c/c.csv": b"new c", "kept.csv": b"kept"}


def publish(folder: Path, files: dict[str, bytes], *months: Month) -> None:
    with Publication(open_store(folder), "flat") as publication:
        for month in months:
            publication.claim("NIFTY", month)
        for path, data in files.items():
            month = APRIL if path == "kept.csv" else MARCH
            publication.put(
                path,
                lambda data=data: data,
                rows=1,
                underlying="NIFTY",
                month=month,
                instrument=path,  # type: ignore[misc]
            )
        publication.commit({})


def found(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "manifest.json")
    }


def test_a_publication_killed_before_any_step_leaves_the_old_state_or_is_completed(tmp_path: Path) -> None:
    survived = False
    outcomes = []
    for step in range(30):
        folder = tmp_path / str(step)
        publish(folder, OLD, MARCH, APRIL)
        ended = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(step)], check=False).returncode
        manifest = read_manifest(open_store(folder))
        assert manifest is not None
        assert set(manifest.files) in (set(OLD), set(NEW))

        recover(open_store(folder))

        after = read_manifest(open_store(folder))
        assert after is not None
        assert check_manifest(open_store(folder)) == []
        assert found(folder) in (OLD, NEW)
        assert set(after.files) == set(found(folder))
        outcomes.append(found(folder) == NEW)
        if ended == 0:
            survived = True
            break
        assert ended == -signal.SIGKILL
    assert survived
    assert outcomes == sorted(outcomes)  # once the journal is written there is no way back
    assert outcomes.count(False) >= 3
    assert outcomes.count(True) >= 4


def test_a_failed_export_leaves_everything_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path, OLD, MARCH, APRIL)
    before = (tmp_path / "manifest.json").read_bytes()

    def fail() -> None:
        with Publication(open_store(tmp_path), "flat") as publication:
            publication.claim("NIFTY", MARCH)
            publication.put(
                "a.csv", lambda: b"new a", rows=1, underlying="NIFTY", month=MARCH, instrument="A"
            )
            publication.settle()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert found(tmp_path) == OLD
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    publish(tmp_path, OLD, MARCH, APRIL)
    os.utime(tmp_path / "a.csv", (1, 1))

    publish(tmp_path, {**OLD, "b/b.csv": b"another b"}, MARCH, APRIL)

    assert (tmp_path / "a.csv").stat().st_mtime == 1
    assert found(tmp_path)["b/b.csv"] == b"another b"


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    publish(tmp_path, OLD, MARCH, APRIL)
    (tmp_path / "a.csv").write_bytes(b"dam a")
    assert check_manifest(open_store(tmp_path)) == ["a.csv"]

    publish(tmp_path, OLD, MARCH, APRIL)

    assert found(tmp_path) == OLD


def test_a_definition_goes_with_the_last_file_of_its_instrument(tmp_path: Path) -> None:
    def put(months: list[Month]) -> None:
        with Publication(open_store(tmp_path), "flat") as publication:
            publication.claim("NIFTY", MARCH)
            publication.claim("NIFTY", APRIL)
            for month in months:
                publication.put(
                    f"{month}.csv", lambda: b"rows", rows=1, underlying="NIFTY", month=month, instrument="A"
                )
            if months:
                publication.put("A.json", lambda: b"definition", rows=1, underlying="NIFTY", instrument="A")
            publication.commit({})

    put([MARCH, APRIL])
    put([APRIL])
    assert set(found(tmp_path)) == {"2025-04.csv", "A.json"}

    put([])
    assert found(tmp_path) == {}


def test_a_foreign_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"files": 3}')

    with pytest.raises(TickmartError, match="is not a manifest of tickmart"):
        publish(tmp_path, OLD, MARCH)


@pytest.mark.parametrize(
    ("text", "message"), [("gs://bucket/x", "folder or to s3://"), ("s3://", "names no bucket")]
)
def test_a_destination_of_another_kind_is_refused(text: str, message: str) -> None:
    with pytest.raises(TickmartError, match=message):
        open_store(text)


def test_a_file_as_destination_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(TickmartError, match="is a file"):
        open_store(tmp_path / "file")
