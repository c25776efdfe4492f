"""The one way out: every exporter hands its files to a `Publication`, which puts them in a folder or bucket.

Five steps, each of which may be the last one that a killed export came to: (1) files that changed are put
aside in `.staging/<generation>/<sha256>`; (2) `manifest.json` says where each lies (`stored_at`), which is
the commit and all that is needed to go on from; (3) they are copied to their paths; (4) the manifest is
written again without `stored_at`; (5) a later export clears what was put aside. A reader that follows the
manifest (`copy_published`) finds every file whole, and all of one export, at every moment.
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
