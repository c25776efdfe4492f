"""The way out to a folder: staging, the manifest as commit, files at their paths; stopped at every step."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from publications import APRIL, LONG_AGO, MARCH, NEW, OLD, contents, differing, publish, undated, version

from exporters.publish import (
    Publication,
    copy_published,
    open_store,
    read_manifest,
)
from warehouse.errors import TickmartError

# Publishes the new version over the old in forked children, the Nth of which is stopped at its Nth change to
# the folder: the process is killed, or the system refuses.
STOPPED = """
import errno, os, signal, sys
sys.path.insert(0, sys.argv[1])
from publications import NEW, publish
from warehouse.errors import TickmartError

how = sys.argv[2]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
left = None

def watch(event, arguments):
    global left
    if left is None or arguments[:1] == (folder,):  # which is there already
        return
    changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") or (
        event == "open" and arguments[2] & WRITING
    )
    if not changes:
        return
    left -= 1
    if left >= 0:
        return
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if left == -1 or how == "refused from then on":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

sys.addaudithook(watch)
for step, folder in enumerate(sys.argv[3:]):
    child = os.fork()
    if not child:
        code = 3
        try:
            left = step
            publish(folder, NEW)
            code = 0
        except TickmartError as error:
            left = None
            code = 1 if len(str(error).splitlines()) == 1 and "No space left" in str(error) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
    if not status:
        break
"""


def stopped(how: str, folders: list[Path]) -> list[int]:
    tests = Path(__file__).resolve().parents[1]
    answer = subprocess.run(
        [sys.executable, "-c", STOPPED, str(tests), how, *map(str, folders)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line) for line in answer.stdout.splitlines()]


def found(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "manifest.json") and ".staging" not in path.parts
    }


@pytest.mark.parametrize("how", ["killed", "refused once", "refused from then on"])
def test_an_export_stopped_at_any_step_shows_one_whole_version_and_is_completed(
    tmp_path: Path, how: str
) -> None:
    folders = [tmp_path / str(step) for step in range(80)]
    for folder in folders:
        publish(folder, OLD)
        aged = folder / LONG_AGO
        aged.parent.mkdir()
        aged.write_bytes(b"")
    undisturbed = tmp_path / "undisturbed"
    publish(undisturbed, NEW)

    ends = stopped(how, folders)

    assert ends[-1] == 0
    assert set(ends[:-1]) == {-signal.SIGKILL if how == "killed" else 1}
    seen = []
    for folder in folders[: len(ends)]:
        store = open_store(folder)
        seen.append(version(store) == NEW)
        listed = contents(store)
        assert all(data in (OLD.get(path), NEW.get(path)) for path, data in listed.items())
        assert not {"b/b.csv", "c/c.csv"} <= set(listed)  # what goes is gone before anything comes

        publish(folder, NEW)

        assert found(folder) == NEW
        assert differing(store) == []
        assert undated(read_manifest(store)) == undated(read_manifest(open_store(undisturbed)))
        assert not (folder / LONG_AGO).exists()
    assert seen == sorted(seen)  # once the manifest is written there is no way back
    assert seen.count(False) >= 5
    assert seen.count(True) >= 8


def test_a_failed_export_leaves_everything_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    before = (tmp_path / "manifest.json").read_bytes()

    def fail() -> None:
        with Publication(open_store(tmp_path), "flat") as publication:
            publication.claim("NIFTY", MARCH)
            publication.put(
                "a.csv", lambda: b"new a", rows=1, underlying="NIFTY", partition=MARCH, instrument="A"
            )
            publication.settle()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert found(tmp_path) == OLD
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    os.utime(tmp_path / "a.csv", (1, 1))

    publish(tmp_path, {**OLD, "b/b.csv": b"another b"})

    assert (tmp_path / "a.csv").stat().st_mtime == 1
    assert found(tmp_path)["b/b.csv"] == b"another b"


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    (tmp_path / "a.csv").write_bytes(b"dam a")
    assert differing(open_store(tmp_path)) == ["a.csv"]

    publish(tmp_path, OLD)

    assert found(tmp_path) == OLD


def test_a_definition_goes_with_the_last_file_of_its_instrument(tmp_path: Path) -> None:
    def put(months: list[str]) -> None:
        with Publication(open_store(tmp_path), "flat") as publication:
            publication.claim("NIFTY", MARCH)
            publication.claim("NIFTY", APRIL)
            for month in months:
                publication.put(
                    f"{month}.csv",
                    lambda: b"rows",
                    rows=1,
                    underlying="NIFTY",
                    partition=month,
                    instrument="A",
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


def test_a_copy_holds_what_was_chosen_in_a_folder_of_its_own(tmp_path: Path) -> None:
    publish(tmp_path / "export", OLD)

    copy_published(tmp_path / "export", tmp_path / "a" / "copy", lambda file: file.month == "2025-03")

    assert found(tmp_path / "a" / "copy") == {"a.csv": b"old a", "b/b.csv": b"old b"}
    with pytest.raises(TickmartError, match="copy is not empty"):
        copy_published(tmp_path / "export", tmp_path / "a" / "copy")


def test_a_copy_of_a_damaged_or_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    publish(tmp_path / "export", OLD)
    (tmp_path / "export/a.csv").write_bytes(b"dam a")

    with pytest.raises(TickmartError, match=r"export/a\.csv is missing or damaged"):
        copy_published(tmp_path / "export", tmp_path / "copy")
    assert found(tmp_path / "copy") == {}

    (tmp_path / "export/a.csv").unlink()
    with pytest.raises(TickmartError, match=r"export/a\.csv is missing or damaged"):
        copy_published(tmp_path / "export", tmp_path / "copy")


def test_nothing_is_copied_from_where_nothing_was_exported(tmp_path: Path) -> None:
    with pytest.raises(TickmartError, match=r"has no manifest\.json: nothing was exported there"):
        copy_published(tmp_path / "export", tmp_path / "copy")
