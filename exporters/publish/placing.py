"""From a manifest that was committed to files at their paths, by whichever export gets to it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from exporters.publish import earlier
from exporters.publish.generations import STAGING, begun_at
from exporters.publish.manifest import MANIFEST, Manifest
from exporters.publish.stores import Store

# a reader that began before an export has this long to follow the manifest that it read
GRACE = timedelta(hours=24)


def commit(store: Store, manifest: Manifest, version: str | None) -> tuple[Manifest, str]:
    """Make a manifest the one that readers follow, then put its files where it says.

    Parameters
    ----------
    version : str or None
        Of the manifest that it follows upon.

    Returns
    -------
    Manifest
        As it stands when every file lies at its path.
    str
        Its version.
    """
    version = store.replace(MANIFEST, manifest.to_json(), version)
    return _complete(store, manifest, version)


def recover(store: Store) -> tuple[Manifest, str | None]:
    """Return what a destination holds, after completing the export that stopped between its steps.

    Called under the destination's lock.

    Returns
    -------
    Manifest
        Empty where nothing was exported yet.
    str or None
        Its version.
    """
    found = store.read_version(MANIFEST)
    manifest, version = (
        (Manifest(), None) if found is None else (Manifest.parse(found[0], store.uri), found[1])
    )
    followed = manifest.generation  # readers may still be at it when this export begins
    if manifest.generation is None:
        taken_over = earlier.take_over(store, manifest)
        if taken_over is not None:
            manifest, version = commit(store, taken_over, version)
    elif manifest.staged or manifest.removing:
        assert version is not None
        manifest, version = _complete(store, manifest, version)
    _clear_staging(store, kept={followed, manifest.generation})
    return manifest, version


def _complete(store: Store, manifest: Manifest, version: str) -> tuple[Manifest, str]:
    # the old names first: a reader that lists folders must not meet a bar twice
    store.remove(manifest.removing)
    store.place(manifest.staged)
    store.secure()
    settled = manifest.settled()
    if settled != manifest:
        version = store.replace(MANIFEST, settled.to_json(), version)
    return settled, version


def _clear_staging(store: Store, kept: Iterable[str | None]) -> None:
    for name in store.children(STAGING):
        begun = begun_at(name)
        over = begun is not None and begun + GRACE < datetime.now(UTC)
        if (over and name not in kept) or name in earlier.NAMES:
            store.clear(f"{STAGING}/{name}")
