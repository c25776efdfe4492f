"""Names as people write them, among those that there are."""

import difflib
from collections.abc import Iterable, Sequence

from warehouse.errors import TickmartError
from warehouse.paths import printable

_MOST_LISTED = 12


def names_held(wanted: Iterable[str], held: Sequence[str]) -> list[str]:
    """Return the names as they are held, whatever case they were written in.

    Parameters
    ----------
    wanted : iterable of str
        Such as `nifty`.
    held : sequence of str
        What there is.

    Raises
    ------
    TickmartError
        Some are not held; the message offers what is spelt alike, and lists what is held.
    """
    by_spelling = {name.casefold(): name for name in held}
    wanted = list(dict.fromkeys(wanted))
    unknown = [name for name in wanted if name.casefold() not in by_spelling]
    if unknown:
        near = [
            by_spelling[spelling]
            for name in unknown
            for spelling in difflib.get_close_matches(name.casefold(), by_spelling, n=1, cutoff=0.7)
        ]
        meant = f" (did you mean {', '.join(near)}?)" if near else ""
        of = ", ".join(printable(name) or repr(name) for name in unknown)
        raise TickmartError(f"no data of {of}{meant}; the marts hold {listed(held)}. See: tickmart list")
    return list(dict.fromkeys(by_spelling[name.casefold()] for name in wanted))


def listed(names: Iterable[str]) -> str:
    """Return the first of some names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more
