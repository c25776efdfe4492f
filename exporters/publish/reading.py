"""Follow the manifest: every file whole, all of one export, at every moment."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from exporters.publish.manifest import MANIFEST, Manifest, PublishedFile
from exporters.publish.stores import Store, open_store
from warehouse.errors import TickmartError


def read_manifest(store: Store) -> Manifest | None:
    """Return the manifest of a destination, None where nothing was exported yet."""
    text = store.read(MANIFEST)
    return None if text is None else Manifest.parse(text, store.uri)


def read_published(
    destination: str | Path | Store, choose: Callable[[PublishedFile], bool] = lambda file: True
) -> tuple[Manifest, dict[str, bytes]]:
    """Read files as one export left them, also while another export writes there or has failed midway.

    Parameters
    ----------
    destination : str, Path or Store
        A folder, or `s3://bucket/prefix`.
    choose : callable
        Says of a listed file whether it is wanted; all that are wanted are held in memory.

    Returns
    -------
    Manifest
        The one manifest that lists them all.
    dict of str to bytes
        By path.

    Raises
    ------
    TickmartError
        Nothing was exported there, or a file is missing or damaged.

    Notes
    -----
    Where a file is not what the manifest lists, the manifest is read again: either an export has written
    another, and the reading begins again with what did not change kept, or the file is damaged.
    """
    store = open_store(destination) if isinstance(destination, str | Path) else destination
    known: dict[str, bytes] = {}
    manifest = _listed(store)
    while True:
        wanted = [file for file in manifest.files.values() if choose(file)]
        differing = next((file for file in wanted if not _fetch(store, file, known)), None)
        if differing is None:
            return manifest, {file.path: known[file.sha256] for file in wanted}
        before, manifest = manifest, _listed(store)
        if manifest == before:
            raise TickmartError(
                f"{store.uri}/{differing.location} is missing or damaged: its bytes are not those that"
                f" {MANIFEST} lists. Export again."
            )


def check_manifest(store: Store) -> list[str]:
    """Name the files whose bytes are not those that the manifest lists.

    Returns
    -------
    list of str
        Paths that are missing or differ; empty for a whole export.
    """
    files = _listed(store).files.values()
    return [file.path for file in files if store.checksum(file.location) != file.sha256]


def _listed(store: Store) -> Manifest:
    manifest = read_manifest(store)
    if manifest is None:
        raise TickmartError(f"{store.uri} has no {MANIFEST}: nothing was exported there.")
    return manifest


def _fetch(store: Store, file: PublishedFile, known: dict[str, bytes]) -> bool:
    if file.sha256 not in known:
        data = store.read(file.location)
        if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
            return False
        known[file.sha256] = data
    return True
