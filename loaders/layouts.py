"""The layout of a header."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.errors import TickmartError

_NOT_PART_OF_A_NAME = re.compile(r"[\s_]+")


@dataclass(frozen=True)
class Column:
    """A raw column and the ways in which vendors spell it.

    Attributes
    ----------
    name : str
        The column of the raw table.
    spellings : tuple of str
        Names in a file's header; case, spaces and underscores do not matter.
    optional : bool
        Whether a file of the layout may lack it.
    """

    name: str
    spellings: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True)
class RawTable:
    """A table of the schema `raw`: text columns as a vendor writes them.

    Attributes
    ----------
    name : str
        Without the schema.
    columns : tuple of str
        Its text columns; provenance columns follow them.
    """

    name: str
    columns: tuple[str, ...]

    @property
    def qualified(self) -> str:
        """The name with the schema, as the ledger writes it."""
        return f"raw.{self.name}"


@dataclass(frozen=True)
class Layout:
    """One way in which a vendor lays out a file.

    Attributes
    ----------
    name : str
        The name that the ledger keeps.
    table : RawTable
        Where its rows land.
    columns : tuple of Column
        The columns, matched by name in whatever order a file has them.
    tail : tuple of str
        Raw columns for a fixed number of last columns that are matched by place, whatever their names.
    example : str
        One line of such a file, for `tickmart load --list-layouts`.
    date : str or None
        The raw column that says which day a row is of; its dates are read day before month where they show no
        other order. None where the rows do not say it.
    told_by : tuple of (str, str) or None
        A raw column and what it says in every row, where layouts of several sources have the same header.
    """

    name: str
    table: RawTable
    columns: tuple[Column, ...]
    tail: tuple[str, ...] = ()
    example: str = ""
    date: str | None = None
    told_by: tuple[str, str] | None = None

    def match(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Return the raw column of each header name in the file's order, or None if the layout does not fit.

        Parameters
        ----------
        names : sequence of str
            The header's names.

        Returns
        -------
        tuple of str or None
            One raw column per name.
        """
        if self.tail:
            body, tail = names[: -len(self.tail)], self.tail
        else:
            body, tail = names, ()
        raw_by_spelling = {plain(s): column.name for column in self.columns for s in column.spellings}
        found = [raw_by_spelling.get(plain(name)) for name in body]
        required = {column.name for column in self.columns if not column.optional}
        if None in found or len(set(found)) != len(found) or not required <= set(found):
            return None
        return tuple(str(name) for name in found) + tail

    def lacks(self, names: Sequence[str]) -> list[str]:
        """Return the required names that a header lacks, in the layout's spelling."""
        there = {plain(name) for name in names}
        return [
            column.spellings[0]
            for column in self.columns
            if not column.optional and not there & {plain(s) for s in column.spellings}
        ]

    def header(self) -> list[str]:
        """Return the names of a full header, optional ones in brackets, as the vendor spells them."""
        return [f"[{c.spellings[0]}]" if c.optional else c.spellings[0] for c in self.columns] + list(
            self.tail
        )


@dataclass(frozen=True)
class Header:
    """A header line, split.

    Attributes
    ----------
    names : tuple of str
        The names, blanks around them removed.
    trailing_comma : bool
        Whether the line ended in a comma, which names no column.
    """

    names: tuple[str, ...]
    trailing_comma: bool = False


def plain(name: str) -> str:
    """Return a header name without what vendors vary: case, spaces, underscores."""
    return _NOT_PART_OF_A_NAME.sub("", name).casefold()


def split_header(line: str) -> Header:
    """Split a header line at its commas.

    Parameters
    ----------
    line : str
        The line without its end.

    Returns
    -------
    Header
    """
    names = [name.strip() for name in next(csv.reader([line]), [])]
    trailing_comma = len(names) > 1 and not names[-1]
    return Header(tuple(names[:-1] if trailing_comma else names), trailing_comma)


def choose(names: Sequence[str], layouts: Sequence[Layout]) -> tuple[Layout, tuple[str, ...]] | None:
    """Choose the layout of a header.

    Parameters
    ----------
    names : sequence of str
        The header's names.
    layouts : sequence of Layout
        The layouts of a source.

    Returns
    -------
    (Layout, tuple of str) or None
        The layout with the most columns among those that fit, and the raw column of each name in the
        file's order.
    """
    fitting = [(layout, columns) for layout in layouts if (columns := layout.match(names)) is not None]
    return max(fitting, key=lambda fit: len(fit[0].columns), default=None)


def unknown_layout(file: str, names: Sequence[str], known: Mapping[str, Sequence[Layout]]) -> TickmartError:
    """Build the error for a header that fits no layout.

    Parameters
    ----------
    file : str
        The file's name, for the message.
    names : sequence of str
        What was found.
    known : mapping of str to sequence of Layout
        The layouts by source, the one that was asked for first.

    Returns
    -------
    TickmartError
        Names what was found, the nearest layout and how it differs, and all known layouts.
    """
    listed = "; of ".join(
        f"{source}: " + ", ".join(f"{layout.name} ({len(layout.header())} columns)" for layout in layouts)
        for source, layouts in known.items()
    )
    return TickmartError(
        f"unknown layout in {file}: {beginning(names)}{_difference(names, known)}; "
        f"known layouts of {listed}. Try: tickmart load --list-layouts; or, for bars, trades or quotes that"
        " nobody described: tickmart load csv"
    )


def beginning(names: Sequence[str]) -> str:
    """Return how many columns a header has, and how it starts."""
    start = _clip(",".join(names[:4]) + (",…" if len(names) > 4 else ""))
    return f'{len(names)} column{"s" if len(names) != 1 else ""} starting "{start}"'


def _difference(names: Sequence[str], known: Mapping[str, Sequence[Layout]]) -> str:
    found = {plain(name) for name in names}
    repeated = sorted({name for name in names if [plain(n) for n in names].count(plain(name)) > 1})
    if repeated:
        return f" ({_clip(', '.join(repeated))} more than once)"

    def shared(layout: Layout) -> int:
        return sum(bool(found & {plain(s) for s in column.spellings}) for column in layout.columns)

    layouts = [(source, layout) for source, those in known.items() for layout in those]
    source, nearest = max(layouts, key=lambda one: shared(one[1]) - 2 * len(one[1].lacks(names)))
    lacks = nearest.lacks(names)
    if shared(nearest) <= len(lacks):
        return ""
    spelt = {plain(s) for column in nearest.columns for s in column.spellings}
    surplus = [name for name in names if plain(name) not in spelt]
    parts = ([f"lacks {_clip(', '.join(lacks))}"] if lacks else []) + (
        [f"adds {_clip(', '.join(surplus))}"] if surplus else []
    )
    of_another = "" if source == next(iter(known)) else f" of {source}"
    return f" (beside {nearest.name}{of_another} it {' and '.join(parts)})" if parts else ""


def _clip(text: str, length: int = 120) -> str:
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else text[: length - 1] + "…"
