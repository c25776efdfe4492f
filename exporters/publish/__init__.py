"""The one way out: every exporter hands its files to a `Publication`, which puts them in a folder or bucket.

There are five steps, and a killed export may stop after any of them: (1) files that changed are staged in
`.staging/<generation>/<sha256>`; (2) `manifest.json` says where each lies (`stored_at`), which is the commit
and all that a later export needs to go on; (3) they are copied to their paths; (4) the manifest is written
again without `stored_at`; (5) a later export clears what was staged. A reader that follows the manifest
(`copy_published`) finds every file whole, and all of one export, at every moment.
"""

from exporters.publish.folder import Folder
from exporters.publish.manifest import MANIFEST, Manifest, PublishedFile
from exporters.publish.publication import Outcome, Publication
from exporters.publish.reading import copy_published, read_manifest
from exporters.publish.stores import ChangedMeanwhileError, Store, open_store
from exporters.publish.versions import versions

__all__ = [
    "MANIFEST",
    "ChangedMeanwhileError",
    "Folder",
    "Manifest",
    "Outcome",
    "Publication",
    "PublishedFile",
    "Store",
    "copy_published",
    "open_store",
    "read_manifest",
    "versions",
]
