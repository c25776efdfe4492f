"""How the lines of a stranger's file are divided: its delimiter, what stands before the rows, its names."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loaders.recognising.names import plain

DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 400  # lines
_LEAST_SHARE = 0.3
_COMMENT = ("#", "//", "%")
_NUMBER = re.compile(r"^\s*[-+]?(?:\d[\d,. ']*|[.,]\d+)(?:[eE][-+]?\d+)?\s*%?\s*$")
_BEGINS_LIKE_A_TIME = re.compile(r"^\s*\d{1,4}[-/.:]\d{1,2}(?:[-/.:]\d{1,4})?|^\s*\d{1,2}[- ][A-Za-z]{3}")
_LINE_END = re.compile(r"\r\n|\n|\r")
_WORD = re.compile(r"[^\W\d_]", re.UNICODE)


@dataclass(frozen=True)
class Structure:
    """How the lines of a file are divided.

    Attributes
    ----------
    delimiter : str
        One character.
    header_lines : int
        Lines before the first row: titles, comments and names.
    names : tuple of str or None
        The names of the columns; None where no line has them.
    rows : tuple of tuple of str
        The first rows, divided; blanks around a cell are removed.
    symbol : str or None
        The symbol, where a line of its own above the rows says it.
    comments : tuple of str
        Lines before the rows that are neither names nor rows.
    """

    delimiter: str
    header_lines: int
    names: tuple[str, ...] | None
    rows: tuple[tuple[str, ...], ...]
    symbol: str | None = None
    comments: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many fields its rows have: as many as there are names, if that is so of a good part of them."""
        widths = Counter(map(len, self.rows))
        if self.names and widths[len(self.names)] >= _LEAST_SHARE * len(self.rows):
            return len(self.names)
        return widths.most_common(1)[0][0]


def structure_of(text: str) -> Structure | None:
    """Find out how a file's lines are divided.

    Parameters
    ----------
    text : str
        The beginning of the file; its last line may be cut.

    Returns
    -------
    Structure or None
        None where nothing divides the lines.
    """
    lines = _LINE_END.split(text)[: _LOOKED_AT + 1]  # as landing counts them; splitlines knows more ends
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > _LOOKED_AT or (len(lines) > 1 and not text.endswith(("\n", "\r"))):
        lines.pop()  # it may be cut
    delimiter = _delimiter(lines)
    if delimiter is None:
        return None
    split = [_split(line, delimiter) for line in lines]
    width = _usual_width(lines, split)
    first = next(
        (
            place
            for place, cells in enumerate(split)
            if not _is_comment(lines[place]) and len(cells) > 1 and _looks_whole(place, split, width)
        ),
        None,
    )
    if first is None:
        return None
    comments = tuple(line for line in lines[:first] if line.strip())
    if _is_row(split[first]):
        return Structure(delimiter, first, None, _rows(split[first:]), comments=comments)
    names = _names(split[first])
    following = first + 1
    symbol = None
    if plain(names[0]) == "price" and following + 1 < len(split) and plain(split[following][0]) == "ticker":
        # yfinance: names, symbols, then the name of the index
        symbols = {cell for cell in split[following][1:] if cell}
        symbol = symbols.pop() if len(symbols) == 1 else None
        names = (split[following + 1][0] or "Date", *names[1:])
        following += 2
    return Structure(delimiter, following, names, _rows(split[following:]), symbol, comments)


def _delimiter(lines: Sequence[str]) -> str | None:
    """Return what divides most lines into the same number of fields, into the most among equals."""
    best: tuple[float, int, str] | None = None
    told = [line for line in lines if line.strip() and not _is_comment(line)]
    for delimiter in DELIMITERS:
        widths = Counter(len(_split(line, delimiter)) for line in told)
        widths.pop(1, None)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda found: (found[1], found[0]))
        fit = (round(count / len(told), 1), width, delimiter)
        best = max(best, fit) if best else fit
    return best[2] if best else None


def _usual_width(lines: Sequence[str], split: Sequence[Sequence[str]]) -> int:
    widths = Counter(
        len(cells) for line, cells in zip(lines, split, strict=True) if line.strip() and not _is_comment(line)
    )
    return max(widths.items(), key=lambda found: (found[1], found[0]))[0] if widths else 0


def _looks_whole(place: int, split: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a line is the names or a row: as wide as the others, or a line of words right above them."""
    if len(split[place]) == width:
        return True
    follows = place + 1 < len(split) and len(split[place + 1]) == width
    return follows and abs(len(split[place]) - width) <= 1 and not _is_row(split[place])


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(
            cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), ())
        )
    except csv.Error:
        return ()


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(_COMMENT)


def _is_row(cells: Sequence[str]) -> bool:
    """Whether cells hold values: names have no number and no time among them."""
    values = [cell for cell in cells if cell and (_NUMBER.match(cell) or _BEGINS_LIKE_A_TIME.match(cell))]
    return bool(values) and len(values) * 2 >= sum(bool(cell) and not _WORD.match(cell) for cell in cells)


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip("\"'") for cell in cells)


def _rows(split: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cells) for cells in split if any(cells))
