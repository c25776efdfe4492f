"""Vendors that can be asked, as servers on loopback that fail as they are told to: one per such source."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Protocol
from urllib.parse import parse_qs, urlsplit

Fault = Literal["busy", "busy for long", "unavailable", "dropped", "cut", "not readable", "refused"]
# what a vendor may do once and answer the next time
PASSING: tuple[Fault, ...] = ("busy", "unavailable", "dropped", "cut", "not readable")


@dataclass(frozen=True)
class Bar:
    """A bar; all its prices are its close."""

    time: datetime
    close: str
    volume: str = "100"


class Vendor(Protocol):
    """A vendor as the tests need it.

    Attributes
    ----------
    source, interval : str
        What is asked; a bar covers a minute, and a page a day in UTC.
    time_column, close_column : str
        Of the raw table that its bars land in.
    environment : dict of str to str
        What a process needs in order to ask it.
    token_setting : str
        Which of them is its key.
    asked : list of (str, datetime)
        The symbol and the start of every page that it was asked for, in order.
    hold : threading.Event
        While it is not set, answers wait.
    """

    source: str
    interval: str
    time_column: str
    close_column: str
    environment: dict[str, str]
    token_setting: str
    asked: list[tuple[str, datetime]]
    hold: threading.Event

    def trades(self, symbol: str, bars: Sequence[Bar]) -> None:
        """Set the bars that it has of a symbol."""

    def fail(self, *faults: Fault) -> None:
        """Fail at the next requests, one fault each."""

    def expire(self, after: int = 0) -> None:
        """Stop taking the key after some more pages, and say so with the key in the text."""

    def renew(self) -> str:
        """Return a key that it takes from now on."""


@dataclass
class MadeUpVendor:
    source: str = "made-up"
    interval: str = "1-minute"
    time_column: str = "time"
    close_column: str = "close"
    token_setting: str = "TICKMART_SECRETS__MADE_UP_TOKEN"
    token: str = "very-secret-1"
    environment: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    bars: dict[str, Sequence[Bar]] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    expires_after: int | None = None

    def trades(self, symbol: str, bars: Sequence[Bar]) -> None:
        self.bars[symbol] = bars

    def fail(self, *faults: Fault) -> None:
        self.faults.extend(faults)

    def expire(self, after: int = 0) -> None:
        self.expires_after = after

    def renew(self) -> str:
        self.token, self.expires_after = self.token + "-again", None
        return self.token

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, str], bytes, Fault | None]:
        """Return status, headers, body and how it is spoilt on its way."""
        address = urlsplit(path)
        if address.path.startswith("/bars/"):
            _, _, symbol, _ = address.path.split("/")
            query = {
                name: datetime.fromisoformat(value) for name, (value,) in parse_qs(address.query).items()
            }
            self.asked.append((symbol, query["from"]))
        self.hold.wait()
        if self.expires_after == 0 or authorization != f"token {self.token}":
            said = f"the {authorization} is not valid; get a new one"
            return 403, {}, said.encode(), None
        if self.expires_after is not None:
            self.expires_after -= 1
        if address.path == "/me":
            return 200, {}, b"{}", None
        fault = self.faults.popleft() if self.faults else None
        match fault:
            case "busy":
                return 429, {"Retry-After": "1"}, b"slow down", None
            case "busy for long":
                return 429, {"Retry-After": "86400"}, b"no more today", None
            case "unavailable":
                return 503, {}, b"<html>maintenance</html>", None
            case "refused":
                return 404, {}, b"no such symbol", None
            case "not readable":
                return 200, {}, b"<html>welcome</html>", None
        bars = [
            [f"{bar.time:%Y-%m-%dT%H:%M}", *[bar.close] * 4, bar.volume]
            for bar in self.bars.get(symbol, ())
            if query["from"] <= bar.time < query["to"]
        ]
        # what surrounds the bars differs with every answer
        return 200, {}, json.dumps({"number": len(self.asked), "bars": bars}).encode(), fault


@contextmanager
def made_up() -> Iterator[Vendor]:
    """Run the made-up vendor."""
    vendor = MadeUpVendor()
    vendor.hold.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body, fault = vendor.answer(self.path, self.headers["Authorization"])
            if fault == "dropped":
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if fault == "cut":
                body, self.close_connection = body[: len(body) // 2], True
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    vendor.environment = {
        "MADE_UP_URL": f"http://127.0.0.1:{server.server_port}",
        vendor.token_setting: vendor.token,
    }
    try:
        yield vendor
    finally:
        vendor.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


# source -> its vendor; a source with a fetcher needs one here, and no new test
VENDORS: dict[str, Callable[[], contextmanager]] = {"made-up": made_up}  # type: ignore[type-arg]
