"""The command line, one module per command, and the public Python API: `tickmart.run`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporters.exporting import ExportReport


def run(*paths: str | Path, to: str | Path, **settings: Any) -> "ExportReport":
    """Load files, build what they reach, and export it; see `tickmart.running.run`."""
    from tickmart import running  # imports what loads, builds and exports: seconds

    return running.run(*paths, to=to, **settings)
