"""Symbols that say where they trade, or that they name an option."""

import csv
import re
from collections.abc import Iterable
from functools import cache

from warehouse.settings import PROJECT_FOLDER

# The 21 characters of the Options Clearing Corporation, blanks of the root left out or not, and NSE's names.
_OPTION = re.compile(r"^(?:[A-Z0-9.]{1,6} *\d{6}[CP]\d{8}|[A-Z0-9&-]+?\d{2}.*\d(?:CE|PE)(?:\.[A-Z]+)?)$")


def exchange_of_all(symbols: Iterable[str]) -> str | None:
    """Return the exchange of symbols that are all names of underlyings of one exchange, else None."""
    wanted = {symbol.strip().upper() for symbol in symbols if symbol.strip()}
    found = {_exchanges_of_names().get(symbol) for symbol in wanted}
    return found.pop() if len(found) == 1 else None


def is_option_symbol(symbol: str) -> bool:
    """Whether a symbol is the name of an option contract."""
    return _OPTION.match(symbol.strip().upper()) is not None


@cache
def _exchanges_of_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for seed, column in (("listed_underlyings", "underlying"), ("underlying_names", "vendor_name")):
        with (PROJECT_FOLDER / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
            found |= {row[column].upper(): row["exchange"] for row in csv.DictReader(lines)}
    return found
