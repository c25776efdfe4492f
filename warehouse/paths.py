"""Paths as people write them, and names as a line of text can show them."""

from pathlib import Path

from warehouse.errors import TickmartError


def local_path(written: str | Path) -> Path:
    """Return the path that was written, with a leading `~` resolved.

    Parameters
    ----------
    written : str or Path
        As on a command line.

    Raises
    ------
    TickmartError
        It is empty, holds a NUL, or begins with the home of a user whom this machine does not know. An empty
        one comes from a variable that is not set, and would mean the current folder.
    """
    text = str(written)
    if not text:
        raise TickmartError("the path is empty: say a file or a folder, . for the current one")
    if "\0" in text:
        raise TickmartError(f"the path {printable(text)} holds a NUL, which no path can")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = text.partition("/")[0]
        raise TickmartError(
            f"{printable(text)}: there is no user {user[1:] or 'here who has a home'};"
            f" write ./{printable(text)} for something of that name in the current folder"
        ) from None


def printable(text: str) -> str:
    r"""Return a text on one line that every terminal and database takes: other characters as `\n` or `\xff`.

    A file's name may hold anything but a slash: line ends, escape sequences, bytes that are no text.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    # a byte of a file's name that is not UTF-8 stands in the text as a lone surrogate
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
