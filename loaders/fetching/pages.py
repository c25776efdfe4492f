"""Pages: what a vendor is asked for in one go, on a grid that does not depend on what a user asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

_ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes
    ----------
    symbols : tuple of str
        As the vendor spells them.
    interval : str
        One of the fetcher's.
    start, end : datetime
        Half-open, with a time zone.
    """

    symbols: tuple[str, ...]
    interval: str
    start: datetime
    end: datetime


@dataclass(frozen=True, order=True)
class Page:
    """The unit that is asked for, answered, archived, landed and restated as a whole.

    Attributes
    ----------
    source, symbol, interval : str
    start, end : datetime
        UTC, half-open; on the grid of the fetcher.
    """

    source: str
    symbol: str
    interval: str
    start: datetime
    end: datetime

    @property
    def uri(self) -> str:
        """The page's key in the ledger: the same whoever asks for it, and for whichever range."""
        return f"{self.source}://{quote(self.symbol, safe='')}/{self.interval}/{stamp(self.start)}"

    @property
    def name(self) -> str:
        """Short name for messages."""
        return f"{self.symbol} {self.interval} from {self.start:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Answered:
    """What the ledger says of a page.

    Attributes
    ----------
    asked_at : datetime
        When the answer that stands was asked for, or asked for again and found to be the same.
    rows : int
    """

    asked_at: datetime
    rows: int


@dataclass(frozen=True)
class Ledger:
    """What was answered before, by uri.

    Attributes
    ----------
    answered : mapping of str to Answered
    settled_after : timedelta
        How long after the end of a page the vendor still changes its last bars.
    now : datetime
    """

    answered: Mapping[str, Answered]
    settled_after: timedelta
    now: datetime

    def is_due(self, page: Page) -> bool:
        """Return whether a page has to be asked for: it was never answered, or answered while it was open.

        A page is open until `settled_after` past its end. A page that lies in the future is not due.
        """
        if page.start >= self.now:
            return False
        answer = self.answered.get(page.uri)
        return answer is None or answer.asked_at < page.end + self.settled_after


def grid(start: datetime, end: datetime, length: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Yield the pages of a length that a half-open range touches, oldest first.

    Parameters
    ----------
    start, end : datetime
        With a time zone.
    length : timedelta
        Pages are laid out from 2000-01-01 UTC, backwards and forwards.
    """
    first = _ANCHOR + (start.astimezone(UTC) - _ANCHOR) // length * length
    while first < end:
        yield first, first + length
        first += length


def due_pages(source: str, request: Request, ledger: Ledger, length: timedelta) -> Iterator[Page]:
    """Yield the pages that a request touches and that are due, for fetchers whose pages have one length.

    Parameters
    ----------
    source : str
    request : Request
    ledger : Ledger
    length : timedelta
        Length of a page; at most what the vendor gives in one answer.
    """
    for symbol in request.symbols:
        for start, end in grid(request.start, request.end, length):
            page = Page(source, symbol, request.interval, start, end)
            if ledger.is_due(page):
                yield page


def stamp(moment: datetime) -> str:
    """Return a moment as it is written in names of files and pages, `20251103T091500Z`."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
