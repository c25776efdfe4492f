"""Find out whether an export would find and write what the last one did; if so, no mart is read.

The manifest keeps, for each exporter, what its last export was asked for and from which state of the database
it was written, as one hash. The same hash and the same bytes at every path mean the same export.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import psycopg2.errors

from exporters.publish import Manifest, Publication, Store, versions
from warehouse import database
from warehouse.last_build import state_of_marts

_KEY = "last_export"


def inputs_of(*asked: object) -> str | None:
    """Return a hash of all that decides what an export writes: the request, the marts, and who writes.

    Returns
    -------
    str or None
        None for a user who may read the marts and not the ledger.
    """
    try:
        with database.connect() as connection:
            state = state_of_marts(connection)
    except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedTable):
        return None
    return hashlib.sha256(repr((asked, state, versions())).encode()).hexdigest()


def recalled(
    store: Store, manifest: Manifest | None, exporter: str, inputs: str | None
) -> dict[str, Any] | None:
    """Return what is remembered of an export with these inputs, where its files are still as it left them.

    Parameters
    ----------
    manifest : Manifest or None
        The destination's.
    inputs : str or None
        As `inputs_of` gives it.
    """
    if manifest is None or inputs is None or manifest.removing:
        return None
    found: dict[str, Any] | None = manifest.exporters.get(exporter, {}).get(_KEY)
    if found is None or found["inputs"] != inputs:
        return None
    files = [file for file in manifest.files.values() if file.exporter == exporter]
    if any(file.stored_at is not None or store.checksum(file.path) != file.sha256 for file in files):
        return None  # an export that was killed, or a file that was damaged or is gone
    return found


def forget(about: dict[str, Any]) -> None:
    """Remove the record of the last export from what the manifest will say of an exporter."""
    about.pop(_KEY, None)


def remember(
    store: Store, exporter: str, check_lock: Callable[[], None], inputs: str | None, outcome: dict[str, Any]
) -> None:
    """Write into the manifest what an export did, once it is done and read back."""
    if inputs is None:
        return
    with Publication(store, exporter, check_lock) as publication:
        about = {**publication.previous.exporters[exporter], _KEY: {"inputs": inputs, **outcome}}
        publication.commit(about)
