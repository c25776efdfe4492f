"""The one way to ask a vendor: pages on a fixed grid, within its limits, archived and landed like files."""

from loaders.fetching.errors import Busy, KeyRefused, Refused, Unanswered
from loaders.fetching.fetching import check, fetch, plan
from loaders.fetching.http import HttpClient
from loaders.fetching.limits import Limits
from loaders.fetching.pages import Answered, Ledger, Page, Request, due_pages
from loaders.fetching.port import Fetcher, Session

__all__ = [
    "Answered",
    "Busy",
    "Fetcher",
    "HttpClient",
    "KeyRefused",
    "Ledger",
    "Limits",
    "Page",
    "Refused",
    "Request",
    "Session",
    "Unanswered",
    "check",
    "due_pages",
    "fetch",
    "plan",
]
