"""Two versions of a small export, and what a place may hold of them."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from exporters.publish import (
    Manifest,
    Outcome,
    Publication,
    PublishedFile,
    Store,
    copy_published,
    open_store,
    read_manifest,
)

MARCH, APRIL = "2025-03", "2025-04"
# one file changes, one goes, two come (with the same bytes), one stays
OLD = {"a.csv": b"old a", "b/b.csv": b"old b", "kept.csv": b"kept"}
NEW = {"a.csv": b"new a", "c/c.csv": b"new c", "c/d.csv": b"new c", "kept.csv": b"kept"}
LONG_AGO = ".staging/20200101T000000Z-00000000/" + "0" * 64


def publish(destination: str | Path | Store, files: Mapping[str, bytes], *months: str) -> Outcome:
    """Publish files of one underlying: `kept.csv` of April, the others of March."""
    store = open_store(destination) if isinstance(destination, str | Path) else destination
    with Publication(store, "flat") as publication:
        for month in months or (MARCH, APRIL):
            publication.claim("NIFTY", month)
        for path, data in files.items():
            publication.put(
                path,
                partial(bytes, data),
                rows=1,
                underlying="NIFTY",
                partition=APRIL if path == "kept.csv" else MARCH,
                instrument=path,
            )
        return publication.commit({})


def contents(store: Store) -> dict[str, bytes]:
    """Return what really lies at the paths that either version lists."""
    found = {path: store.read(path) for path in sorted({*OLD, *NEW})}
    return {path: data for path, data in found.items() if data is not None}


def read_published(
    source: str | Path | Store, choose: Callable[[PublishedFile], bool] = lambda file: True
) -> tuple[Manifest, dict[str, bytes]]:
    """Return what a reader that follows the manifest finds, by path."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = copy_published(source, folder, choose)
        copies = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
    assert copies.keys() == {path for path, file in manifest.files.items() if choose(file)}
    return manifest, copies


def differing(store: Store) -> list[str]:
    """Name the files whose bytes are not those that the manifest lists."""
    manifest = read_manifest(store)
    assert manifest is not None
    return [file.path for file in manifest.files.values() if store.checksum(file.location) != file.sha256]


def version(store: Store) -> dict[str, bytes]:
    """Return what a reader that follows the manifest finds: one of the two versions, whole."""
    _, files = read_published(store)
    assert files in (OLD, NEW)
    return files


def undated(manifest: Manifest | None) -> tuple[object, ...]:
    """Return what two exports of the same rows have in common."""
    assert manifest is not None
    assert isinstance(manifest.updated_at, datetime)
    return manifest.exporters, manifest.files, manifest.removing
