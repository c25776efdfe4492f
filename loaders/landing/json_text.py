"""A JSON document of a vendor's API, written as the text that a CSV of its rows would have."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from loaders.landing.arrow_text import batch_of
from loaders.landing.files import Readable, Stream
from loaders.landing.lines import Batch
from warehouse.errors import TickmartError

# An option chain has less than one megabyte; a document is read whole.
_LARGEST = 16 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT = 64


def looks_like_json(stream: Stream) -> bool:
    """Return whether a stream begins like a JSON document, without moving it on."""
    return stream.first(_LOOKED_AT).removeprefix(_BYTE_ORDER_MARK).lstrip().startswith((b"{", b"["))


class JsonText:
    """A JSON document as lines of CSV; its rows are numbered as lines from 1.

    Parameters
    ----------
    stream : Readable
        The whole document.
    name : str
        The file's name, for messages.
    rows_of : callable
        Called with the document and the file's name. Returns the table of the document, in which numbers are
        the text as written; raises TickmartError for a document of another kind.

    Raises
    ------
    TickmartError
        It is not a whole document, or not one of this source.
    """

    format: ClassVar[str] = "json"

    def __init__(self, stream: Readable, name: str, rows_of: Callable[[Any, str], pa.Table]) -> None:
        self._name = name
        self._table = rows_of(_document(stream, name), name)
        self.names = tuple(self._table.column_names)

    def batches(self, columns: Sequence[str], first_line: int) -> Iterator[Batch]:
        """Yield the rows as CSV, each followed by its `_line`.

        Parameters
        ----------
        columns : sequence of str
            The raw columns, one per name, for messages.
        first_line : int
            The `_line` of the first row.
        """
        yield batch_of(self._table, columns, range(len(self._table)), first_line, self._name)


def _document(stream: Readable, name: str) -> Any:
    content = b""
    while data := stream.read(1 << 20):
        content += data
        if len(content) > _LARGEST:
            raise TickmartError(
                f"{name} is a JSON document of more than {_LARGEST:,} bytes: no single answer"
            )
    try:
        document = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        # JSON can hold half a character; the text of a database cannot
        raise TickmartError(
            f"{name} holds \\u{ord(error.object[error.start]):04x}, half of a character without the other,"
            " which cannot be stored; fetch it again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TickmartError(f"{name} is no whole JSON document ({error}); fetch it again") from error
    return document
