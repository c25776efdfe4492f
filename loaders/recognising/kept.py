"""Mappings that are kept under a name, so that files of that kind are a source of one's own."""

from pathlib import Path

from loaders.recognising.layouts import LAYOUTS
from loaders.recognising.of_file import recognise_any
from loaders.recognising.said import OPTIONS, mapping_text
from loaders.source import Source
from warehouse.errors import TickmartError


def source_of_mapping(path: Path) -> Source:
    """Return the source whose files a mapping describes; it has the name of the mapping's file.

    Raises
    ------
    TickmartError
        It is no mapping.
    """
    try:
        mapping = mapping_text(str(path))
    except ValueError as error:
        raise TickmartError(f"{path} is no mapping: {error}") from error
    return Source(
        name=path.stem,
        dataset="any",
        layouts=LAYOUTS,
        description=f"Files that {path.name} describes.",
        options=tuple(option for option in OPTIONS if option.name != "mapping"),
        always_said={"mapping": mapping},
        recognise=recognise_any,
    )
