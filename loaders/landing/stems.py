"""The symbols that the names of files give, where every file is of one symbol and no column says which."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from loaders.landing.files import DataFile, PassedOver, Unreadable
from loaders.source import SUFFIXES

_LENGTH = re.compile(
    r"\d*(?:s|sec|m|min|mins|minutes?|t|h|hr|hours?|hourly|d|days?|daily|eod|w|weeks?|weekly|mo|months?|monthly|intraday)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d(?:[-.]?\d\d(?:[-.]?\d\d)?)?|\d{1,2}[-.]?(?:\d\d|[A-Za-z]{3})[-.]?(?:19|20)\d\d"
)
_ENDS = re.compile(r"[_ ]")


def symbols_of_names(files: Iterable[DataFile | Unreadable | PassedOver]) -> dict[str, str]:
    """Return the symbol of each file by its uri: its name up to the first blank or underscore.

    Nothing is returned for a single file, where two names give the same symbol, or where one gives a length
    or a date: such names say something else.

    Parameters
    ----------
    files : iterable of DataFile, Unreadable or PassedOver
        All that are loaded together.
    """
    found = {file.uri: _stem(file.name) for file in files if isinstance(file, DataFile)}
    symbols = list(found.values())
    if len(symbols) < 2 or len({symbol.upper() for symbol in symbols}) < len(symbols):
        return {}
    if any(not symbol or _LENGTH.fullmatch(symbol) or _DATE.fullmatch(symbol) for symbol in symbols):
        return {}
    return found


def _stem(file: str) -> str:
    name = PurePosixPath(re.split(r"[/!]", file)[-1])
    while name.suffix.lower() in SUFFIXES:
        name = name.with_suffix("")
    return _ENDS.split(name.name, maxsplit=1)[0]
