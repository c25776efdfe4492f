"""Ways in which a vendor's file comes to be damaged, each drawn at random from a seed."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

_LONG = string.ascii_letters + string.digits
_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1e-20000",
    "1e-9",
    "0x1F",
    "1_000",
    "-0",
    "+5",
    "1.5E+02",
    "25,800",
)
_NUMBERS += (
    "99999999999999",
    "9999999",
    "999999999999999999",
    "9223372036854775807",
    "-1",
    "0",
    "٣",
    "½",
    "1.2.3",
    "--1",
)
_DATES = (
    "00/00/0000",
    "31/12/9999",
    "29/02/2023",
    "2025-13-45",
    "11/25/2025",
    "4/11/2025",
    "25-Nov-25",
    "25.11.2025",
)
_DATES += (
    "0001-01-01",
    "2025-11-25T09:15:00",
    "45000",
    "infinity",
    "epoch",
    "now",
    "today",
    "2025-W10",
    "25-NOV-2025",
)
_TIMES = ("24:00:59", "9:15:59", "09:15", "09:19:59 AM", "12:60:59", "allballs", "09:15:59+05:30")
_TEXTS = (
    "",
    " ",
    "'; drop table raw.loads;--",
    "{{ 7*7 }}",
    "$(id)",
    "%s%d",
    "../../x",
    "=1+1",
    "NULL",
    "\\N",
    "\\.",
    "\u202e",
)
_CONTROLS = tuple(bytes([code]) for code in (*range(1, 9), 11, 12, *range(14, 32), 127))


@dataclass
class Damaged:
    """A file on its way to being damaged.

    Attributes
    ----------
    header : bytes
    rows : list of list of bytes
        The cells of each line.
    line_end : bytes
    prefix, suffix : bytes
        What stands before the header and after the last line.
    whole : callable
        What is done to the bytes in the end.
    """

    header: bytes
    rows: list[list[bytes]]
    line_end: bytes = b"\n"
    prefix: bytes = b""
    suffix: bytes = b"\n"
    whole: list[Callable[[bytes], bytes]] = field(default_factory=list)

    def content(self) -> bytes:
        """Return the bytes of the file."""
        lines = [self.header, *(b",".join(row) for row in self.rows)]
        content = self.prefix + self.line_end.join(lines) + self.suffix
        for change in self.whole:
            content = change(content)
        return content


def _some(rng: random.Random, file: Damaged) -> list[tuple[list[bytes], int]]:
    """Return a few cells, or one column of all rows."""
    rows = [row for row in file.rows if row]
    if not rows:
        return []
    if rng.random() < 0.2:
        place = rng.randrange(len(rows[0]))
        return [(row, place) for row in rows if place < len(row)]
    chosen = [rng.choice(rows) for _ in range(rng.randint(1, 4))]
    return [(row, rng.randrange(len(row))) for row in chosen]


def _replaced(texts: tuple[str, ...]) -> Callable[[random.Random, Damaged], None]:
    def mutate(rng: random.Random, file: Damaged) -> None:
        text = rng.choice(texts).encode()
        for row, place in _some(rng, file):
            row[place] = b'"%b"' % text if b"," in text else text

    return mutate


def _swap_cells(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        other = rng.randrange(len(row))
        row[place], row[other] = row[other], row[place]


def _swap_rows_cells(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        other = rng.choice(file.rows)
        if place < len(other):
            row[place], other[place] = other[place], row[place]


def _copy_cell(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        other = rng.choice(file.rows)
        if place < len(other):
            row[place] = other[place]


def _enlarge(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file)[:3]:
        letters = rng.choice((_LONG, string.digits, "0", "A", " ", "é"))
        row[place] += "".join(rng.choices(letters, k=rng.choice((90, 101, 3_000, 20_000)))).encode()


def _append_digits(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        row[place] += b"." * rng.randint(0, 1) + b"%d" % rng.randrange(10 ** rng.randint(1, 20))


def _shift_figures(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        cell = bytearray(row[place])
        figures = [index for index, byte in enumerate(cell) if 48 <= byte <= 57]
        if figures:
            cell[rng.choice(figures)] = 48 + rng.randrange(10)
        row[place] = bytes(cell)


def _control(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        cut = rng.randint(0, len(row[place]))
        row[place] = row[place][:cut] + rng.choice(_CONTROLS) + row[place][cut:]


def _nul(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file)[:2]:
        row[place] += b"\0"


def _wrong_bytes(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        row[place] += rng.choice(
            (b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", "‮".encode(), "\u2028".encode())
        )


def _quote(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file)[:3]:
        cell = row[place]
        row[place] = rng.choice(
            (b'"' + cell, cell + b'"', b'"' + cell + b'"', b'"' + cell + b'""', b"'" + cell)
        )


def _cut_line(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file)[:3]:
        del row[place:]


def _double_cell(rng: random.Random, file: Damaged) -> None:
    for row, place in _some(rng, file):
        row.insert(place, row[place])


def _double_column(rng: random.Random, file: Damaged) -> None:
    names = file.header.split(b",")
    place = rng.randrange(len(names))
    names.insert(place, names[place] + rng.choice((b"", b"2")))
    file.header = b",".join(names)
    for row in file.rows:
        if place < len(row):
            row.insert(place, row[place])


def _order_columns(rng: random.Random, file: Damaged) -> None:
    names = file.header.split(b",")
    order = rng.sample(range(len(names)), len(names))
    file.header = b",".join(names[place] for place in order)
    file.rows = [[row[p] for p in order] if len(row) == len(names) else row for row in file.rows]


def _repeat_lines(rng: random.Random, file: Damaged) -> None:
    for _ in range(rng.randint(1, 5)):
        if file.rows:
            file.rows.insert(rng.randint(0, len(file.rows)), list(rng.choice(file.rows)))


def _drop_lines(rng: random.Random, file: Damaged) -> None:
    file.rows = [row for row in file.rows if rng.random() < 0.7]


def _shuffle_lines(rng: random.Random, file: Damaged) -> None:
    rng.shuffle(file.rows)


def _blank_lines(rng: random.Random, file: Damaged) -> None:
    for _ in range(rng.randint(1, 3)):
        file.rows.insert(rng.randint(0, len(file.rows)), [rng.choice((b"", b" ", b"\t"))])


def _header_again(rng: random.Random, file: Damaged) -> None:
    file.rows.insert(rng.randint(0, len(file.rows)), file.header.split(b","))


def _line_ends(rng: random.Random, file: Damaged) -> None:
    file.line_end = rng.choice((b"\r\n", b"\r", b"\n\n"))


def _no_last_line_end(rng: random.Random, file: Damaged) -> None:
    file.suffix = rng.choice((b"", b",", b"\r\n\r\n", b"\x1a"))


def _cut_file(rng: random.Random, file: Damaged) -> None:
    share = rng.random()
    file.whole.append(lambda content: content[: int(len(content) * share)])


def _other_encoding(rng: random.Random, file: Damaged) -> None:
    encoding = rng.choice(("utf-16", "utf-8-sig", "latin-1", "utf-16-le"))
    file.whole.append(lambda content: content.decode("utf-8", "replace").encode(encoding, "replace"))


def _month_first(rng: random.Random, file: Damaged) -> None:
    """Write all dates in figures month first, as a spreadsheet of the United States does."""
    for row in file.rows:
        for place, cell in enumerate(row):
            for mark in (b"/", b"-"):
                parts = cell.split(mark)
                if len(parts) == 3 and all(part.isdigit() for part in parts):
                    day, month, year = parts if len(parts[2]) == 4 else parts[::-1]
                    row[place] = b"/".join((month.lstrip(b"0") or b"0", day.lstrip(b"0") or b"0", year))


MUTATIONS: dict[str, Callable[[random.Random, Damaged], None]] = {
    "cells swapped within a row": _swap_cells,
    "cells swapped between rows": _swap_rows_cells,
    "cell of another row": _copy_cell,
    "cell enlarged": _enlarge,
    "digits appended": _append_digits,
    "figures changed": _shift_figures,
    "odd number": _replaced(_NUMBERS),
    "odd date": _replaced(_DATES),
    "odd time": _replaced(_TIMES),
    "odd text": _replaced(_TEXTS),
    "control character": _control,
    "NUL": _nul,
    "wrong bytes": _wrong_bytes,
    "quote": _quote,
    "line cut": _cut_line,
    "cell doubled": _double_cell,
    "column doubled": _double_column,
    "columns in another order": _order_columns,
    "lines repeated": _repeat_lines,
    "lines dropped": _drop_lines,
    "lines in another order": _shuffle_lines,
    "blank lines": _blank_lines,
    "header again": _header_again,
    "line ends": _line_ends,
    "no last line end": _no_last_line_end,
    "file cut": _cut_file,
    "other encoding": _other_encoding,
    "month first": _month_first,
}


def mutated(content: bytes, rng: random.Random, rows: int) -> tuple[bytes, list[str]]:
    """Return a damaged excerpt of a file, and what was done to it.

    Parameters
    ----------
    content : bytes
        A good file of lines.
    rng : random.Random
    rows : int
        Lines of the excerpt at most.
    """
    header, *lines = content.rstrip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n")
    start = rng.randint(0, max(0, len(lines) - rows))
    file = Damaged(header, [line.split(b",") for line in lines[start : start + rows]])
    done = rng.choices(list(MUTATIONS), k=rng.randint(1, 4))
    for name in done:
        MUTATIONS[name](rng, file)
    return file.content(), done
