"""Put the files of a committed manifest at their paths; whichever export gets to it does so."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from exporters.publish import earlier
from exporters.publish.generations import STAGING, begun_at
from exporters.publish.manifest import MANIFEST, Manifest
from exporters.publish.stores import Store
from warehouse.errors import TickmartError

# a reader that began before an export has this long to follow the manifest that it read
GRACE = timedelta(hours=24)


def commit(
    store: Store, manifest: Manifest, version: str | None, check_lock: Callable[[], None]
) -> tuple[Manifest, str]:
    """Make a manifest the one that readers follow, then put its files where it says.

    Parameters
    ----------
    version : str or None
        Version of the manifest that it follows.
    check_lock : callable
        Raises where the lock of this export is no longer held; called before every step that others see.

    Returns
    -------
    Manifest
        As it stands when every file lies at its path.
    str
        Its version.
    """
    _check_staging(store, manifest)
    check_lock()
    version = store.replace(MANIFEST, manifest.to_json(), version)
    return _complete(store, manifest, version, check_lock)


def recover(store: Store, check_lock: Callable[[], None] = lambda: None) -> tuple[Manifest, str | None]:
    """Return what a destination holds, after completing an export that stopped between its steps.

    Called under the destination's lock.

    Parameters
    ----------
    check_lock : callable
        As for `commit`.

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
            manifest, version = commit(store, taken_over, version, check_lock)
    elif manifest.staged or manifest.removing:
        assert version is not None
        manifest, version = _complete(store, manifest, version, check_lock)
    _clear_staging(store, kept={followed, manifest.generation})
    return manifest, version


def _complete(
    store: Store, manifest: Manifest, version: str, check_lock: Callable[[], None]
) -> tuple[Manifest, str]:
    def check() -> None:
        check_lock()
        store.check_unchanged(MANIFEST, version)

    # the old names first: a reader that lists folders must not meet a bar twice
    check()
    store.remove(manifest.removing)
    store.place(manifest.staged, check)
    store.secure()
    check()
    settled = manifest.settled()
    if settled != manifest:
        version = store.replace(MANIFEST, settled.to_json(), version)
    return settled, version


def _check_staging(store: Store, manifest: Manifest) -> None:
    if not manifest.staged:
        return
    folder = f"{STAGING}/{manifest.generation}"
    if not {file.sha256 for file in manifest.staged} <= set(store.children(folder)):
        raise TickmartError(
            f"{store.uri}/{folder}, where this export put its files aside, was cleared in part: by somebody,"
            " or by another export that began a day later by its clock. Run this export again."
        )


def _clear_staging(store: Store, kept: Iterable[str | None]) -> None:
    for name in store.children(STAGING):
        begun = begun_at(name)
        over = begun is not None and begun + GRACE < datetime.now(UTC)
        if (over and name not in kept) or name in earlier.NAMES:
            store.clear(f"{STAGING}/{name}")
