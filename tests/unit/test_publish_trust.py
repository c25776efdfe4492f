"""What lies at a destination is data, not orders: no path leads out of it, no link is followed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from publications import MARCH, NEW, OLD, publish, read_published, version

from exporters.publish import Publication, open_store, read_manifest
from warehouse.errors import TickmartError

SHA = "0" * 64
GENERATION = "20250328T101500Z-1f00c0de"
STORED = f".staging/{GENERATION}/{SHA}"


def entry(**fields: Any) -> dict[str, Any]:
    return {"path": "a.csv", "bytes": 5, "sha256": SHA, "rows": 1, "exporter": "flat"} | fields


def manifest(**fields: Any) -> dict[str, Any]:
    return {
        "manifest_version": 2,
        "generation": GENERATION,
        "updated_at": "2025-03-28T10:15:00+00:00",
        "exporters": {},
        "files": [],
    } | fields


FOREIGN: dict[str, Any] = {
    "a path out": manifest(files=[entry(path="../outside/secret.csv")]),
    "a path out, further in": manifest(files=[entry(path="a/../../outside/secret.csv")]),
    "an absolute path": manifest(files=[entry(path="/outside/secret.csv")]),
    "a backslash": manifest(files=[entry(path="..\\outside\\secret.csv")]),
    "an empty part": manifest(files=[entry(path="a//b.csv")]),
    "a line break": manifest(files=[entry(path="a\nb.csv")]),
    "a hidden file": manifest(files=[entry(path="a/.profile")]),
    "the staging": manifest(files=[entry(path=STORED)]),
    "the lock": manifest(files=[entry(path=".lock")]),
    "itself": manifest(files=[entry(path="Manifest.json")]),
    "removing a path out": manifest(removing=["../outside/secret.csv"]),
    "removing what it lists": manifest(files=[entry()], removing=["a.csv"]),
    "bytes out": manifest(files=[entry(stored_at="../outside/secret.csv")]),
    "bytes at another file": manifest(files=[entry(stored_at="kept.csv")]),
    "bytes of another generation": manifest(files=[entry(stored_at=STORED.replace("1f00c0de", "0badc0de"))]),
    "bytes of another name": manifest(files=[entry(stored_at=STORED.replace("0000", "1111"))]),
    "bytes of no generation": {
        name: value
        for name, value in manifest(manifest_version=1, files=[entry(stored_at=f".staging//{SHA}")]).items()
        if name != "generation"
    },
    "a path longer than a key of S3": manifest(files=[entry(path="/".join(["é" * 100] * 6))]),
    "a name longer than a folder takes": manifest(files=[entry(path=f"{'é' * 126}.csv")]),
    "a generation out": manifest(
        generation="../outside", files=[entry(stored_at=f".staging/../outside/{SHA}")]
    ),
    "no generation": manifest(generation=None),
    "a path twice": manifest(files=[entry(), entry()]),
    "an unknown field": manifest(move=[["kept.csv", "a.csv"]]),
    "an unknown field of a file": manifest(files=[entry(mode="0777")]),
    "a sha256 that is none": manifest(files=[entry(sha256=SHA[:-1] + "\n")]),
    "a size below zero": manifest(files=[entry(bytes=-1)]),
    "a size in words": manifest(files=[entry(bytes="5")]),
    "a month that is none": manifest(files=[entry(month="2025-13")]),
    "a partition that is none": manifest(manifest_version=3, files=[entry(month=None, partition="../up")]),
    "a file in two partitions": manifest(files=[entry(month="2025-03", partition="20250328")]),
    "a session that is none": manifest(
        exporters={
            "flat": {"covered": {"NIFTY": {"2025-03": {"first": "x", "last": "y", "data_version": ""}}}}
        }
    ),
    "decimals that are none": manifest(exporters={"nautilus": {"price_decimals": []}}),
    "no time": {name: value for name, value in manifest().items() if name != "updated_at"},
    "another tool's": {"files": 3, "version": "1.0"},
    "a list": [],
}
RAW = {
    "no JSON": b"a: 1",
    "nothing": b"",
    "no UTF-8": b'{"manifest_version": 2, "\xff": 1}',
    "nested without end": b"[" * 200_000,
}


@pytest.mark.parametrize(
    "text",
    [*(json.dumps(content).encode() for content in FOREIGN.values()), *RAW.values()],
    ids=[*FOREIGN, *RAW],
)
def test_a_manifest_that_is_not_ours_is_refused_in_one_line_and_not_obeyed(
    tmp_path: Path, text: bytes
) -> None:
    outside = tmp_path / "outside" / "secret.csv"
    outside.parent.mkdir()
    outside.write_bytes(b"secret")
    folder = tmp_path / "folder"
    publish(folder, OLD)
    (folder / "manifest.json").write_bytes(text)
    before = tree(tmp_path)

    for do in (lambda: publish(folder, NEW), lambda: read_published(folder)):
        with pytest.raises(TickmartError, match="is not a manifest of tickmart") as caught:
            do()
        assert len(str(caught.value).splitlines()) == 1

    assert tree(tmp_path) == before


def test_a_manifest_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(manifest_version=4)))

    with pytest.raises(TickmartError, match=r"has version 4; this tickmart reads up to 3\."):
        publish(tmp_path, NEW)


def test_a_journal_whose_bytes_lie_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(files=[entry(stored_at=STORED)])))

    with pytest.raises(TickmartError, match=r"lists a\.csv, whose bytes lie neither there nor at"):
        publish(tmp_path, NEW)

    assert not (tmp_path / "a.csv").exists()


def test_staged_bytes_that_were_changed_are_not_placed(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    (tmp_path / ".staging" / GENERATION).mkdir()
    (tmp_path / STORED).write_bytes(b"anything")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(files=[entry(stored_at=STORED)])))

    with pytest.raises(TickmartError, match="whose bytes lie neither there nor at"):
        publish(tmp_path, NEW)

    assert (tmp_path / "a.csv").read_bytes() == b"old a"


LINKS: dict[str, Callable[[Path], Path]] = {
    "the manifest": lambda folder: folder / "manifest.json",
    "the staging": lambda folder: folder / ".staging",
    "the lock": lambda folder: folder / ".lock",
    "a file that changes": lambda folder: folder / "a.csv",
    "a file that stays": lambda folder: folder / "kept.csv",
    "a file that goes": lambda folder: folder / "b/b.csv",
    "a folder of a file that goes": lambda folder: folder / "b",
    "a folder of a file that comes": lambda folder: folder / "c",
}


@pytest.mark.parametrize("dangling", [False, True], ids=["to something", "to nothing"])
@pytest.mark.parametrize("place", LINKS)
def test_a_link_below_the_destination_is_named_and_not_followed(
    tmp_path: Path, place: str, dangling: bool
) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    publish(folder, OLD)
    link = LINKS[place](folder)
    outside.mkdir()
    target = outside / "target"
    if link.is_dir() or not link.exists():
        link.rename(target) if link.exists() else target.mkdir()
    elif not dangling:
        target.write_bytes(link.read_bytes())
        link.unlink()
    else:
        link.unlink()
    if dangling and target.is_dir():
        target.rename(tmp_path / "away")
    link.symlink_to(target)
    before = tree(outside)

    with pytest.raises(TickmartError, match="is a symbolic link, and exports follow none") as caught:
        publish(folder, NEW)

    assert str(link.relative_to(folder)) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert tree(outside) == before

    link.unlink()
    if (tmp_path / "away").exists():
        (tmp_path / "away").rename(target)
    if place not in ("a folder of a file that comes", "the lock", "the staging") and target.exists():
        target.rename(link)
    publish(folder, NEW)
    assert version(open_store(folder)) == NEW


def test_links_inside_the_staging_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    publish(folder, OLD)
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    aged = folder / ".staging/20200101T000000Z-00000000"
    aged.mkdir()
    (aged / "link").symlink_to(outside)
    (folder / ".staging/arriving").symlink_to(outside / "secret")

    with pytest.raises(TickmartError, match=r"\.staging/arriving is a symbolic link"):
        publish(folder, NEW)
    (folder / ".staging/arriving").unlink()
    publish(folder, NEW)

    assert not aged.exists()
    assert tree(outside) == {"secret": b"secret"}


def test_a_destination_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    publish(tmp_path / "link", NEW)

    assert version(open_store(tmp_path / "real")) == NEW


@pytest.mark.parametrize("name", ["manifest.json", "a.csv", ".lock", ".staging/commit.json"])
def test_a_named_pipe_hangs_nothing(tmp_path: Path, name: str) -> None:
    if name == "a.csv":
        publish(tmp_path, NEW)
        (tmp_path / name).unlink()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / name)

    with pytest.raises(TickmartError, match=f"{name} is not a regular file"):
        publish(tmp_path, NEW)


def test_a_file_where_a_folder_belongs_is_one_line(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    (tmp_path / "c").write_bytes(b"")

    with pytest.raises(TickmartError, match=r"cannot write .*/c/[cd]\.csv: Not a directory"):
        publish(tmp_path, NEW)
    assert version(open_store(tmp_path)) == NEW  # read from where the manifest says it is staged

    (tmp_path / "c").unlink()
    publish(tmp_path, NEW)
    assert version(open_store(tmp_path)) == NEW


# writes only so many bytes to a file, as on a disk that is full
FULL = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from publications import NEW, publish
from warehouse.errors import TickmartError

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    publish(sys.argv[2], NEW)
except TickmartError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(("fits", "stopped_at"), [(4, ".staging/"), (200, "manifest.json")])
def test_a_disk_that_is_full_is_one_line_and_the_next_export_is_whole(
    tmp_path: Path, fits: int, stopped_at: str
) -> None:
    publish(tmp_path, OLD)

    answer = subprocess.run(
        [sys.executable, "-c", FULL, str(Path(__file__).resolve().parents[1]), str(tmp_path), str(fits)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stderr.startswith(f"cannot write {tmp_path}/{stopped_at}")
    assert "File too large. Free space, correct its permissions or export to another folder." in answer.stderr
    assert version(open_store(tmp_path)) == OLD
    publish(tmp_path, NEW)
    assert version(open_store(tmp_path)) == NEW


@pytest.mark.parametrize(
    "path", ["../2025-03/x.csv", ".staging/x.csv", "a/./x.csv", "/x.csv", "manifest.json"]
)
def test_a_name_from_the_marts_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with (
        pytest.raises(TickmartError, match="is no path of an exported file: a symbol in the marts"),
        Publication(open_store(tmp_path), "flat") as publication,
    ):
        publication.put(path, lambda: b"", rows=0, underlying="..", partition=MARCH)

    assert read_manifest(open_store(tmp_path)) is None


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
