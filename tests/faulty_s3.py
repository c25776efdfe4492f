"""A proxy before the local S3 server that fails the requests it is told to, as real networks do."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

import pytest

from exporters.publish import Store, open_store
from warehouse.settings import settings

# answer 500 in place of the server; close before the server hears; let the server do it and lose its answer
Fault = Literal["refuse", "drop", "lose"]
_CONDITIONS = ("if-match", "if-none-match")
_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive", "host")
_ERROR = b"<Error><Code>InternalError</Code><Message>We encountered\nan internal error.</Message></Error>"


class FaultyS3:
    """An S3 endpoint that passes on what it is sent.

    Attributes
    ----------
    requests : list of str
        Method and path of every request since `arm`.
    ignores_conditions : bool
        Take away `If-Match` and `If-None-Match`, as a server that does not know them does.
    refuses_conditions : bool
        Answer 501 to them, as other servers do.
    """

    def __init__(self, server: str) -> None:
        target = urlsplit(server)
        assert target.hostname is not None
        assert target.port is not None
        self.host, self.port = target.hostname, target.port
        self.listening_on = 0
        self.requests: list[str] = []
        self.ignores_conditions = self.refuses_conditions = False
        self._lock = threading.Lock()
        self._faulty: range = range(0)
        self._fault: Fault = "refuse"
        self._interlude: tuple[str, str, Callable[[], object]] | None = None

    def arm(self, fault: Fault = "refuse", first: int = 0, last: int | None = None) -> None:
        """Fail the requests from `first` (from 1; 0: none) to `last` (None: `first`)."""
        self.requests = []
        self._fault = fault
        self._faulty = range(first, (first if last is None else last) + 1) if first else range(0)

    def interrupt(self, method: str, path: str, do: Callable[[], object]) -> None:
        """Do something before the next request of a method whose path holds this."""
        self._interlude = (method, path, do)

    def judge(self, request: str) -> Fault | None:
        """Count a request, and say how it fails."""
        with self._lock:
            self.requests.append(request)
            fault = self._fault if len(self.requests) in self._faulty else None
            interlude = self._interlude
            if interlude and request.startswith(f"{interlude[0]} ") and interlude[1] in request:
                self._interlude = None
            else:
                interlude = None
        if interlude:
            interlude[2]()
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyS3

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.judge(f"{self.command} {self.path}")
        if fault == "refuse":
            self._answer(500, {}, b"" if self.command == "HEAD" else _ERROR)
            return
        if fault == "drop":
            self.close_connection = True
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        conditions = [name for name in headers if name.lower() in _CONDITIONS]
        if conditions and self.proxy.refuses_conditions:
            self._answer(501, {}, b"<Error><Code>NotImplemented</Code><Message>no</Message></Error>")
            return
        if self.proxy.ignores_conditions:
            headers = {name: value for name, value in headers.items() if name not in conditions}
        server = http.client.HTTPConnection(self.proxy.host, self.proxy.port, timeout=30)
        try:
            server.request(self.command, self.path, body or None, headers)
            answer = server.getresponse()
            data = answer.read()
        finally:
            server.close()
        if fault == "lose":
            self.close_connection = True
            return
        self._answer(answer.status, dict(answer.getheaders()), data)

    def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        lengths = {name.lower(): value for name, value in headers.items()}
        for name, value in headers.items():
            if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                self.send_header(name, value)
        length = lengths.get("content-length", "0") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _handler(proxy: FaultyS3) -> type[BaseHTTPRequestHandler]:
    methods = {f"do_{name}": _Handler._pass_on for name in ("GET", "PUT", "POST", "HEAD", "DELETE")}
    return type("Handler", (_Handler,), {"proxy": proxy, **methods})


@contextmanager
def faulty_proxy(server_address: str) -> Iterator[FaultyS3]:
    """Run a proxy to an S3 server; `through` opens a store behind it."""
    proxy = FaultyS3(server_address)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    proxy.listening_on = server.server_port
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def through(proxy: FaultyS3, uri: str, *, attempts: int = 1) -> Store:
    """Open a store behind a proxy, whose client tries every request so many times."""
    with endpoint(proxy, attempts=attempts):
        store = open_store(uri)
    if attempts == 1:
        store.threads = 1  # the Nth request is the same one each time
    return store


@contextmanager
def endpoint(proxy: FaultyS3, *, attempts: int = 1) -> Iterator[None]:
    """Have this process and its children reach S3 through a proxy."""
    # clients are kept per address, so those that try again have one of their own
    host = "127.0.0.1" if attempts == 1 else "localhost"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKMART_S3_ENDPOINT_URL", f"http://{host}:{proxy.listening_on}")
        patch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
        settings.cache_clear()
        yield
    settings.cache_clear()
