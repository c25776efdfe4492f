"""Files that hold a table instead of lines of text."""

from loaders.landing.arrow_text import TableText
from loaders.landing.files import Stream
from loaders.landing.json_text import JsonText, looks_like_json
from loaders.landing.parquet import MAGIC, ParquetText
from loaders.source import Source


def table_text(stream: Stream, name: str, source: Source) -> TableText | None:
    """Return the table of a file, or None for a file of lines, from which nothing is read.

    Parameters
    ----------
    stream : Stream
        At the file's first byte, which decides between the two.
    name : str
        The file's name, for messages.
    source : Source
        The source whose documents are read, if it has any.

    Raises
    ------
    TickmartError
        It is a damaged table, or a document of another kind.
    """
    if stream.first(len(MAGIC)) == MAGIC:
        return ParquetText(stream, name, exact_times=source.recognise is not None)
    if source.rows_of_json is not None and looks_like_json(stream):
        return JsonText(stream, name, source.rows_of_json)
    return None
