"""Files of loads, for whoever traces a row back to its line."""

from collections.abc import Iterable
from typing import Any

from loaders.landing.reading_back import Lines, read_lines
from loaders.sources import SOURCES


class LoadedFiles:
    """What only loaders know of files that were loaded; see `warehouse.lineage.Files`."""

    def lines(self, load: dict[str, Any], numbers: Iterable[int]) -> Lines:
        """Read lines of a load's file back; see `read_lines`."""
        suffixes = SOURCES[load["source"]].suffixes
        return read_lines(load["uri"], load["sha256"], load["bytes"], numbers, suffixes)

    def columns(self, load: dict[str, Any]) -> list[str]:
        """Return the columns of the load's raw table in the order of its layout."""
        source = SOURCES[load["source"]]
        layout = next((layout for layout in source.layouts if layout.name == load["layout"]), None)
        if layout:
            return [*(column.name for column in layout.columns), *layout.tail]
        # the layout is one that a later version no longer has
        return [
            c for table in source.raw_tables if table.qualified == load["raw_table"] for c in table.columns
        ]
