"""Destinations as tickmart wrote them with manifests of version 1: a journal beside the staged files.

Files lay in `.staging/files/`, and `.staging/commit.json` named where each goes, what goes away, and the new
manifest. An export that stopped after that journal becomes one of today's, which is then committed.
"""

import hashlib
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from exporters.publish.generations import STAGING, new_generation, staged_name
from exporters.publish.manifest import ExportPath, Manifest, ManifestDocument, not_ours, validated
from exporters.publish.stores import Store, staged_bytes_are_gone

_FILES = "files"
_JOURNAL = "commit.json"
NAMES = (_FILES, _JOURNAL)
_STAGED = r"^\.staging/files/[0-9]{8}\z"


class _Journal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    move: list[tuple[Annotated[str, StringConstraints(pattern=_STAGED)], ExportPath]]
    remove: list[ExportPath]
    manifest: ManifestDocument


def take_over(store: Store, previous: Manifest) -> Manifest | None:
    """Return the manifest that an export of an earlier tickmart did not get to write.

    Its files are staged again as those of a new generation.

    Parameters
    ----------
    previous : Manifest
        Of version 1, or empty.

    Returns
    -------
    Manifest or None
        None where no export stopped after its journal.

    Raises
    ------
    TickmartError
        The journal is not tickmart's, or lists bytes that are gone.
    """
    name = f"{STAGING}/{_JOURNAL}"
    text = store.read(name)
    if text is None:
        return None
    journal = validated(TypeAdapter(_Journal), text, store.uri, name)
    listed = Manifest.of(journal.manifest, store.uri)
    if listed.generation is not None:
        raise not_ours(store.uri, name, "its manifest is not of version 1")
    files = dict(listed.files)
    generation = new_generation()
    for staged, path in journal.move:
        if path not in files:
            raise not_ours(store.uri, name, f"it moves {path!r}, which its manifest does not list")
        file = files[path]
        data = store.read(staged)
        if data is None and store.checksum(path) == file.sha256:
            continue  # it was moved before the export stopped
        if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
            raise staged_bytes_are_gone(store.uri, replace(file, stored_at=staged))
        files[path] = replace(file, stored_at=staged_name(generation, file.sha256))
        store.write(staged_name(generation, file.sha256), data, file.sha256)
    store.secure()
    # only what a manifest of this place listed is taken away
    removing = sorted((set(journal.remove) & set(previous.files)) - set(files))
    return replace(listed, files=files, generation=generation, removing=tuple(removing))
