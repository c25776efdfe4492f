"""Destinations that an earlier tickmart wrote (manifests of version 1, a journal) are taken over."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from publications import NEW, OLD, contents, publish, undated, version

from exporters.publish import Store, open_store, read_manifest
from exporters.publish.placing import recover
from warehouse.errors import TickmartError

pytest_plugins = ["s3_server"]


def put(store: Store, name: str, data: bytes) -> None:
    """Put a file at any name, as the earlier version and other tools do."""
    store.write(name, data, hashlib.sha256(data).hexdigest())


def manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "manifest_version": 1,
        "exporters": {"flat": {}},
        "files": [
            {
                "path": path,
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "rows": 1,
                "exporter": "flat",
                "underlying": "NIFTY",
                "month": "2025-04" if path == "kept.csv" else "2025-03",
                "instrument": path,
                "volume": None,
            }
            for path, data in sorted(files.items())
        ],
        "updated_at": "2025-03-28T10:15:00+00:00",
    }


def put_whole(store: Store, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        put(store, path, data)
    put(store, "manifest.json", json.dumps(manifest(files), indent=1).encode())


TODAYS = manifest(NEW) | {"manifest_version": 2, "generation": "20250328T101500Z-1f00c0de"}
STAGED = [path for path in NEW if NEW[path] != OLD.get(path)]
JOURNAL = {
    "move": [[f".staging/files/{number:08}", path] for number, path in enumerate(STAGED)],
    "remove": ["b/b.csv"],
    "manifest": manifest(NEW),
}


def put_interrupted(store: Store, moved: int, *, removed: bool = False, listed: bool = False) -> None:
    """Leave what the earlier version left that was killed while it completed its journal."""
    put_whole(store, OLD)
    for number, path in enumerate(STAGED):
        put(store, path if number < moved else f".staging/files/{number:08}", NEW[path])
    put(store, ".staging/commit.json", json.dumps(JOURNAL).encode())
    if removed:
        store.remove(["b/b.csv"])
    if listed:
        put(store, "manifest.json", json.dumps(manifest(NEW)).encode())


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path if request.param == "folder" else request.getfixturevalue("s3_bucket"))


def test_a_whole_export_of_an_earlier_version_is_read_and_followed_upon(store: Store) -> None:
    put_whole(store, OLD)
    assert version(store) == OLD

    outcome = publish(store, NEW)

    assert (outcome.written, outcome.unchanged, outcome.removed) == (3, 1, 1)
    assert contents(store) == version(store) == NEW


def test_an_unchanged_export_of_an_earlier_version_gets_todays_manifest_alone(store: Store) -> None:
    put_whole(store, OLD)

    outcome = publish(store, OLD)

    assert (outcome.written, outcome.unchanged, outcome.removed) == (0, 3, 0)
    after = read_manifest(store)
    assert after is not None
    assert after.generation is not None
    assert contents(store) == version(store) == OLD


@pytest.mark.parametrize(
    ("moved", "removed", "listed"),
    [(0, False, False), (1, False, False), (3, False, False), (3, True, False), (3, True, True)],
)
def test_an_export_that_an_earlier_version_left_midway_is_completed(
    store: Store, moved: int, removed: bool, listed: bool
) -> None:
    put_interrupted(store, moved, removed=removed, listed=listed)

    after, _ = recover(store)

    assert contents(store) == version(store) == NEW
    assert after.generation is not None
    assert set(after.files) == set(NEW)
    assert [name for name in store.children(".staging") if name in ("files", "commit.json")] == []
    outcome = publish(store, NEW)
    assert (outcome.written, outcome.unchanged, outcome.removed) == (0, 4, 0)
    assert undated(read_manifest(store)) == undated(after)


def test_a_first_export_that_an_earlier_version_left_midway_is_completed(store: Store) -> None:
    for number, path in enumerate(NEW):
        put(store, f".staging/files/{number:08}", NEW[path])
    moves = [[f".staging/files/{number:08}", path] for number, path in enumerate(NEW)]
    put(store, ".staging/commit.json", json.dumps({**JOURNAL, "move": moves, "remove": []}).encode())

    recover(store)

    assert contents(store) == version(store) == NEW


def test_what_an_earlier_version_staged_and_did_not_commit_goes(store: Store) -> None:
    put_whole(store, OLD)
    put(store, ".staging/files/00000000", b"new a")

    recover(store)

    assert contents(store) == version(store) == OLD
    assert store.children(".staging") == []


def test_a_journal_beside_a_manifest_of_today_is_not_obeyed(store: Store) -> None:
    publish(store, OLD)
    put(store, ".staging/files/00000000", b"new a")
    put(store, ".staging/commit.json", json.dumps(JOURNAL).encode())

    recover(store)

    assert contents(store) == version(store) == OLD
    assert ".staging/commit.json" not in store.children(".staging")


@pytest.mark.parametrize(
    "journal",
    [
        JOURNAL | {"move": [["../outside", "a.csv"]]},
        JOURNAL | {"move": [["kept.csv", "a.csv"]]},
        JOURNAL | {"move": [[".staging/files/00000000", "../outside"]]},
        JOURNAL | {"move": [[".staging/files/00000000", "unlisted.csv"]]},
        JOURNAL | {"remove": ["../outside"]},
        JOURNAL | {"remove": ["manifest.json"]},
        JOURNAL | {"then": "more"},
        JOURNAL | {"manifest": {"files": []}},
        JOURNAL | {"manifest": TODAYS},
        {"commit": True},
        [],
    ],
    ids=[
        "moves from outside",
        "moves a file that was not staged",
        "moves out",
        "moves what it does not list",
        "removes outside",
        "removes the manifest",
        "an unknown field",
        "a manifest that is none",
        "a manifest of today",
        "another tool's",
        "a list",
    ],
)
def test_a_journal_that_is_not_ours_is_refused(tmp_path: Path, journal: Any) -> None:
    folder = tmp_path / "folder"
    store = open_store(folder)
    folder.mkdir()
    put_whole(store, OLD)
    (tmp_path / "outside").write_bytes(b"new a")
    put(store, ".staging/files/00000000", b"new a")
    put(store, ".staging/commit.json", json.dumps(journal).encode())

    with pytest.raises(TickmartError, match=r"commit\.json is not a journal of tickmart") as caught:
        publish(store, NEW)

    assert len(str(caught.value).splitlines()) == 1
    assert contents(store) == version(store) == OLD
    assert (tmp_path / "outside").read_bytes() == b"new a"


def test_a_journal_removes_only_what_its_place_listed(store: Store) -> None:
    put_whole(store, OLD)
    put(store, "notes/mine.txt", b"mine")
    journal = {"move": [], "remove": ["notes/mine.txt", "b/b.csv"], "manifest": manifest({"a.csv": b"old a"})}
    put(store, ".staging/commit.json", json.dumps(journal).encode())

    recover(store)

    assert store.read("notes/mine.txt") == b"mine"
    assert store.read("b/b.csv") is None


def test_a_journal_whose_staged_bytes_were_changed_is_refused(store: Store) -> None:
    put_interrupted(store, 0)
    put(store, ".staging/files/00000000", b"something else")

    with pytest.raises(TickmartError, match=r"lists a\.csv, whose bytes lie neither there nor at"):
        recover(store)

    assert contents(store) == version(store) == OLD
