"""Follow the manifest: every file whole, all of one export, at every moment."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from exporters.publish.folder import Folder
from exporters.publish.manifest import MANIFEST, Manifest, PublishedFile
from exporters.publish.stores import Store, open_store
from warehouse.errors import TickmartError


def read_manifest(store: Store) -> Manifest | None:
    """Return the manifest of a destination, None where nothing was exported yet."""
    text = store.read(MANIFEST)
    return None if text is None else Manifest.parse(text, store.uri)


def copy_published(
    source: str | Path | Store,
    folder: str | Path,
    choose: Callable[[PublishedFile], bool] = lambda file: True,
) -> Manifest:
    """Copy files as one export left them, also while another export writes there or has failed midway.

    Parameters
    ----------
    source : str, Path or Store
        A folder, or `s3://bucket/prefix`.
    folder : str or Path
        Where the files go; it is made if it does not exist, and must be empty if it does. Files get the paths
        that the manifest lists.
    choose : callable
        Says of a listed file whether it is wanted. One file at a time is held in memory.

    Returns
    -------
    Manifest
        The one manifest that lists them all.

    Raises
    ------
    TickmartError
        Nothing was exported there, a file is missing or damaged, or the folder holds something already.

    Notes
    -----
    Where a file is not what the manifest lists, the manifest is read again: either an export has written
    another, and the copying begins again but keeps what did not change, or the file is damaged.
    """
    store = open_store(source) if isinstance(source, str | Path) else source
    target = Folder(Path(folder))
    manifest = _listed(store)
    if target.children("."):
        raise TickmartError(f"{target.uri} is not empty. Copy to a new folder.")
    copied: dict[str, str] = {}
    while True:
        wanted = {file.path: file for file in manifest.files.values() if choose(file)}
        gone = copied.keys() - wanted.keys()
        target.remove(gone)
        for path in gone:
            del copied[path]
        differing = next((file for file in wanted.values() if not _copied(store, file, target, copied)), None)
        if differing is None:
            return manifest
        before, manifest = manifest, _listed(store)
        if manifest == before:
            raise TickmartError(
                f"{store.uri}/{differing.location} is missing or damaged: its bytes are not those that"
                f" {MANIFEST} lists. Export again."
            )


def _copied(store: Store, file: PublishedFile, target: Folder, copied: dict[str, str]) -> bool:
    if copied.get(file.path) != file.sha256:
        data = store.read(file.location)
        if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
            return False
        target.write(file.path, data, file.sha256)
        copied[file.path] = file.sha256
    return True


def _listed(store: Store) -> Manifest:
    manifest = read_manifest(store)
    if manifest is None:
        raise TickmartError(f"{store.uri} has no {MANIFEST}: nothing was exported there.")
    return manifest
