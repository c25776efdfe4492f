"""What a source has beside its layouts if it is asked over a network."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

import pyarrow as pa

from loaders.fetching.limits import Limits
from loaders.fetching.pages import Ledger, Page, Request


class Session(Protocol):
    """A vendor that can be asked."""

    def check(self) -> None:
        """Ask the cheapest question there is: whether the vendor is there and takes the key.

        Raises
        ------
        Unanswered, KeyRefused
        """
        ...

    def fetch(self, page: Page) -> bytes:
        """Ask for a page once and return the vendor's own bytes; the port waits, retries and archives.

        Raises
        ------
        Unanswered
            No answer; asked again. `Busy` where the vendor says when.
        Refused
            The page will never be answered.
        KeyRefused
            The key is not accepted; nothing more is asked.
        """
        ...


class Fetcher(Protocol):
    """How a source is asked. Its `Source` holds one as `fetcher`.

    Attributes
    ----------
    intervals : mapping of str to timedelta
        What can be asked for, and how long its bars are; zero for what has no length, such as trades.
    limits : Limits
    secrets : tuple of str
        Names of the secrets that it needs: `acme_token` is the setting TICKMART_SECRETS__ACME_TOKEN.
    suffix : str
        File suffix of an archived answer, such as `.json`.
    complete_for_ever : bool
        Whether an answer always has everything that there ever was: rows that a later answer lacks are then
        gone. Otherwise (expired contracts, a look-back limit) rows that a later answer lacks stay.
    settled_after : timedelta
        How long after a bar's end the vendor still changes it.
    """

    intervals: Mapping[str, timedelta]
    limits: Limits
    secrets: tuple[str, ...]
    suffix: str
    complete_for_ever: bool
    settled_after: timedelta

    def plan(self, request: Request, ledger: Ledger) -> Iterable[Page]:
        """Return the pages that are due for a request, without asking anybody.

        Pages lie on a grid that depends on symbol and interval alone (`due_pages`).
        """
        ...

    def open(self, secrets: Mapping[str, str]) -> AbstractContextManager[Session]:
        """Open the vendor; nothing is asked yet."""
        ...

    def rows(self, answer: bytes, page: Page) -> pa.Table:
        """Return an answer's rows as text columns under the names of one of the source's layouts.

        An answer without trading is a table of no rows.

        Raises
        ------
        Unanswered
            The body has a good status but does not answer the question.
        """
        ...

    def times(self, rows: pa.Table, page: Page) -> pa.Array:
        """Return the start of the bar, or the moment, of each row as timestamps in UTC.

        The columns are named as `rows` names them, or as in the raw table when earlier rows are read back
        from it.
        """
        ...
