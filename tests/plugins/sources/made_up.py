"""A vendor for the tests: bars by the day over HTTP, with a token, at the address in MADE_UP_URL."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from loaders.fetching import HttpClient, Ledger, Limits, Page, Request, Unanswered, due_pages
from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source

_NAMES = ("symbol", "time", "open", "high", "low", "close", "volume")
_BARS = Layout("bars", RawTable("made_up_bars", _NAMES), tuple(Column(name, (name,)) for name in _NAMES))


class _Session:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def check(self) -> None:
        self._client.get("/me")

    def fetch(self, page: Page) -> bytes:
        day = {"from": page.start.isoformat(), "to": page.end.isoformat()}
        return self._client.get(f"/bars/{page.symbol}/{page.interval}", day)


class MadeUp:
    intervals: Mapping[str, timedelta] = {"1-minute": timedelta(minutes=1)}
    limits = Limits(requests=100, seconds=1.0, tries=3, longest_wait=5.0, backoff=0.01)
    secrets = ("made_up_token",)
    suffix = ".json"
    complete_for_ever = False
    settled_after = timedelta(minutes=5)

    def plan(self, request: Request, ledger: Ledger) -> Iterable[Page]:
        return due_pages("made-up", request, ledger, timedelta(days=1))

    @contextmanager
    def open(self, secrets: Mapping[str, str]) -> Iterator[_Session]:
        token = secrets["made_up_token"]
        headers = {"Authorization": f"token {token}"}
        with HttpClient(os.environ["MADE_UP_URL"], headers, (token,), timeout=5) as client:
            yield _Session(client)

    def rows(self, answer: bytes, page: Page) -> pa.Table:
        try:
            bars = json.loads(answer, parse_float=str, parse_int=str)["bars"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unanswered(f"the answer is no list of bars ({error})") from error
        columns = list(zip(*bars, strict=True)) or [()] * (len(_NAMES) - 1)
        table = {"symbol": pa.array([page.symbol] * len(bars), pa.string())}
        table |= {
            name: pa.array(values, pa.string()) for name, values in zip(_NAMES[1:], columns, strict=True)
        }
        return pa.table(table)

    def times(self, rows: pa.Table, page: Page) -> pa.Array:
        return pc.assume_timezone(pc.strptime(rows["time"], "%Y-%m-%dT%H:%M", "s"), "UTC")


SOURCE = Source("made-up", "bars", (_BARS,), "Bars of a vendor that the tests make up.", fetcher=MadeUp())
