"""The lines of a text, and which of them can be split into the layout's columns.

COPY takes a clean file as it is. Only where COPY refuses a file are its lines judged here, one by one and by
COPY's own rules, so that COPY takes every line that is judged good.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from loaders.landing.files import Readable, Stream
from warehouse.errors import TickmartError

CHUNK = 1 << 20
# A line of market data has some hundred bytes. A longer line is not market data, and is not kept whole.
LONGEST_LINE = 1 << 20
_KEPT_OF_A_LONG_LINE = 1_000
_LONGEST_HEADER = 64 << 10
_QUOTED = re.compile(rb'"[^"]*"')
# `<TICKER>,<DATE>` is a header
_PAGE = re.compile(
    rb"<(?:!|\?|/?(?:html|head|body|title|meta|script|div|p|h1|error|response)\b)", re.IGNORECASE
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Head:
    """How a text file begins.

    Attributes
    ----------
    header : str
        The header line, without its end.
    header_lines : int
        Lines up to and including the header; blank ones may stand before it.
    line_end : bytes
        What ends the lines after the header: a line feed (with or without a carriage return before it) or a
        lone carriage return.
    encoding : str
        `utf-8`, or what the byte order mark says.
    body : Stream
        The bytes after the header, converted to UTF-8 if the byte order mark named another encoding.
    """

    header: str
    header_lines: int
    line_end: bytes
    encoding: str
    body: Stream


@dataclass(frozen=True)
class Reject:
    r"""A line that cannot be split into the layout's columns.

    Attributes
    ----------
    line : int
        Its number in the file, from 1.
    text : str
        Its text; bytes that are not UTF-8 are read as latin-1, and NUL is written as `\x00`.
    reason : str
        Why it was rejected.
    """

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Some lines, judged.

    Attributes
    ----------
    good : bytes
        The good lines in UTF-8, each with its `_line` as one more field.
    rows : int
        How many.
    rejects : list of Reject
        The others, but for blank ones.
    latin1 : int
        How many of the lines were not UTF-8 and were read as latin-1.
    blank : int
        How many of the lines were blank; they are counted, and differ only by their place.
    """

    good: bytes
    rows: int
    rejects: list[Reject]
    latin1: int = 0
    blank: int = 0


def read_head(stream: Stream, name: str, lines: int | None = None) -> Head:
    """Read a text file up to the end of its header.

    Parameters
    ----------
    stream : Stream
        At the file's first byte; afterwards at the first byte after the header.
    name : str
        The file's name, for messages.
    lines : int or None
        How many lines stand before the first row; None where the first line that is not blank is the header.

    Raises
    ------
    TickmartError
        For an empty file, an HTML page or anything else that has no header line.
    """
    if not stream.first(1):
        raise TickmartError(f"{name} is empty (0 bytes); fetch it again")
    stream, encoding = decoded(stream)
    header_lines, line = 0, b""
    end = re.search(rb"\r\n|\n|\r", stream.first(_LONGEST_HEADER))
    line_end = end.group() if end else b"\n"
    while lines is None or header_lines < lines:
        line, line_end = _one_line(stream, name)
        header_lines += 1
        if lines is None and line.strip():
            break
        if not line_end:
            raise TickmartError(f"{name} holds only blank lines; fetch it again")
    _refuse_other_kinds(line, name)
    if b"\n" not in line_end:
        ahead = stream.first(_LONGEST_HEADER)
        line_end = b"\n" if b"\n" in ahead and b"\r" not in ahead else line_end
    elif line_end == b"\n":
        ahead = stream.first(_LONGEST_HEADER)
        line_end = b"\r" if b"\r" in ahead and b"\n" not in ahead else line_end
    return Head(
        _text(line)[0],
        header_lines,
        b"\r" if line_end == b"\r" else b"\n",
        encoding,
        stream,
    )


def decoded(stream: Stream) -> tuple[Stream, str]:
    """Return a stream of UTF-8 without a byte order mark, and the encoding that a mark names.

    Parameters
    ----------
    stream : Stream
        At the file's first byte.
    """
    start = stream.first(4)
    for mark, marked in _BOMS:
        if start.startswith(mark):
            stream.read(len(mark))
            return (stream if marked == "utf-8" else Stream(_Utf8(stream, marked))), marked
    return stream, "utf-8"


def judge(
    head: Head,
    fields: int,
    trailing_comma: bool,
    first_line: int,
    *,
    with_comma: bool = False,
    delimiter: bytes = b",",
) -> Iterator[Batch]:
    """Judge the lines after a header, in bounded memory.

    Parameters
    ----------
    head : Head
        The file's beginning; its body is read.
    fields : int
        How many fields a line must have.
    trailing_comma : bool
        Whether the header ended in a comma, so that lines may too.
    first_line : int
        The `_line` of the first line after the header; those that follow count up from it.
    with_comma : bool
        Whether lines before these ended in a comma.
    delimiter : bytes
        What divides the fields; what is said of commas holds for it.
    """
    judged = _Judge(fields, trailing_comma, head.header_lines + 1, first_line, with_comma, delimiter)
    for lines, is_last in _blocks(head.body, head.line_end):
        good: list[bytes] = []
        rejects: list[Reject] = []
        latin1_before, blank = judged.latin1, 0
        for position, line in enumerate(lines):
            if not line.strip():
                blank += 1
                judged.next_line += 1
                continue
            cut = is_last and position == len(lines) - 1
            row = None if cut and judged.lacks_its_comma(line) else judged.good(line)
            if row is not None:
                good.append(row)
            else:
                rejects.append(judged.reject(line, judged.why_not(line, cut)))
        yield Batch(b"".join(good), len(good), rejects, judged.latin1 - latin1_before, blank)


class _Judge:
    def __init__(
        self,
        fields: int,
        trailing_comma: bool,
        file_line: int,
        first_line: int,
        with_comma: bool,
        delimiter: bytes,
    ) -> None:
        self.fields = fields
        self.delimiter = delimiter
        self.trailing_comma = trailing_comma
        self.next_line = file_line
        self.shift = first_line - file_line
        self.latin1 = 0
        self.with_comma = int(with_comma)

    def lacks_its_comma(self, line: bytes) -> bool:
        """Return whether a line lacks the comma that ends the others: without a line end, it may be cut."""
        return self.with_comma > 0 and not line.endswith(self.delimiter)

    def good(self, line: bytes) -> bytes | None:
        """Return the line in the form that COPY is to take, or None."""
        if len(line) > LONGEST_LINE or b"\0" in line or b"\r" in line or b"\n" in line:
            return None
        outside = line
        if b'"' in line:
            if line.count(b'"') % 2:
                return None
            outside = _QUOTED.sub(b"", line)
        commas = outside.count(self.delimiter)
        if commas != self.fields - 1:
            if not (self.trailing_comma and commas == self.fields and line.endswith(self.delimiter)):
                return None
            line = line[:-1]
            self.with_comma += 1
        if not line.isascii():
            text, is_latin1 = _text(line)
            self.latin1 += is_latin1
            line = text.encode()
        row = b"%b%b%d\n" % (line, self.delimiter, self.next_line + self.shift)
        self.next_line += 1
        return row

    def why_not(self, line: bytes, has_no_end: bool) -> str:
        if len(line) > LONGEST_LINE:
            return f"longer than {LONGEST_LINE:,} bytes"
        if b"\0" in line:
            return "NUL byte in the line"
        if b"\r" in line:
            return "carriage return inside the line"
        if b"\n" in line:
            return "line feed inside the line"
        if line.count(b'"') % 2:
            return "unbalanced quote"
        found = _QUOTED.sub(b"", line).count(self.delimiter) + 1
        if has_no_end and found == self.fields and self.lacks_its_comma(line):
            return "cut: the last line has no line end, and not the comma that ends the others"
        if has_no_end and found < self.fields:
            return f"cut: the last line has {found} of {self.fields} fields and no line end"
        return f"{found} field{'s' if found > 1 else ''} where the header has {self.fields}"

    def reject(self, line: bytes, reason: str) -> Reject:
        number, self.next_line = self.next_line, self.next_line + 1
        if len(line) > LONGEST_LINE:
            line = line[:_KEPT_OF_A_LONG_LINE]
        text, is_latin1 = _text(line)
        self.latin1 += is_latin1
        return Reject(number, text.replace("\0", "\\x00"), reason)


def _blocks(body: Readable, line_end: bytes) -> Iterator[tuple[list[bytes], bool]]:
    """Yield lists of lines without their ends, and whether the last of them ended with the file."""
    rest = b""
    too_long = False
    while chunk := body.read(CHUNK):
        chunk = rest + chunk
        lines = chunk.split(line_end)
        rest = lines.pop()
        if too_long and lines:
            lines[0] = lines[0].ljust(LONGEST_LINE + 1)
            too_long = False
        if len(rest) > LONGEST_LINE + 1:  # one more, for a carriage return that belongs to the line's end
            # Only the beginning is kept; padding marks it as too long when its end comes.
            rest = rest[:_KEPT_OF_A_LONG_LINE]
            too_long = True
        yield [_without_end(line) for line in lines], False
    if rest:
        yield [_without_end(rest.ljust(LONGEST_LINE + 1) if too_long else rest)], True


def _without_end(line: bytes) -> bytes:
    return line.strip(b"\r\n") if line[-1:] == b"\r" or line[:1] == b"\n" else line


def _text(line: bytes) -> tuple[str, bool]:
    """Return the line's text, and whether it had to be read as latin-1."""
    try:
        return line.decode(), False
    except UnicodeDecodeError:
        return line.decode("latin-1"), True


def _one_line(stream: Stream, name: str) -> tuple[bytes, bytes]:
    ahead = stream.first(_LONGEST_HEADER)
    end = re.search(rb"\r\n|\n|\r", ahead)
    if end is None:
        if len(ahead) == _LONGEST_HEADER:
            raise TickmartError(
                f"{name} has no line end in its first {_LONGEST_HEADER:,} bytes: it is no CSV file"
            )
        stream.read(len(ahead))
        return ahead, b""
    stream.read(end.end())
    return ahead[: end.start()], end.group()


def _refuse_other_kinds(line: bytes, name: str) -> None:
    start = line.lstrip()
    if _PAGE.match(start):
        raise TickmartError(
            f"{name} is an HTML or XML page, not a CSV file (it starts {_clip(start)!r}): "
            "the site answered with an error page; fetch the file again"
        )
    if b"\0" in line:
        kind = "a tar archive; unpack it first" if b"ustar" in line else "binary, not a CSV file"
        raise TickmartError(f"{name} is {kind}")


def _clip(line: bytes) -> str:
    return _text(line[:60])[0]


class _Utf8:
    """UTF-16 read as UTF-8."""

    def __init__(self, stream: Readable, encoding: str) -> None:
        self._stream = stream
        # A file cut within a character must still give its other lines.
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        while not self._ended:
            packed = self._stream.read(size)
            self._ended = not packed
            if plain := self._decoder.decode(packed, final=self._ended):
                return plain.encode()
        return b""
