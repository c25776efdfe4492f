"""Ask vendors over HTTP: each failure is raised as one of `errors`, and none of them shows a secret."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from loaders.fetching.errors import Busy, KeyRefused, Refused, Unanswered

_SHOWN = 200
_KEY = (401, 403)
_LATER = (408, 425, 429)

# httpx logs every address, with any keys in it, at the level of ordinary messages
logging.getLogger("httpx").setLevel(logging.WARNING)


class HttpClient:
    """A vendor's server.

    Parameters
    ----------
    base_url : str
    headers : mapping of str to str
        Sent with each request.
    secrets : iterable of str
        Texts that no message may show, whoever wrote it.
    timeout : float
        Seconds to connect, and between two pieces of an answer.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        timeout: float = 30.0,
    ) -> None:
        self._client = httpx.Client(base_url=base_url, headers=dict(headers or {}), timeout=timeout)
        self._secrets = secrets

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Ask once and return the whole body of a good answer.

        Raises
        ------
        Unanswered
            The server cannot be reached, the connection dropped or the body was cut.
        Busy
            The status asks to come back later, or is 500 or more.
        KeyRefused
            401 or 403.
        Refused
            The status is any other that is not good.
        """
        try:
            answer = self._client.get(path, params=dict(params or {}))
        except httpx.HTTPError as error:
            raise Unanswered(self._clean(f"{type(error).__name__}: {error}")) from None
        if answer.is_success:
            return answer.content
        said = self._clean(f"HTTP {answer.status_code}: {' '.join(answer.text.split())}"[:_SHOWN])
        if answer.status_code in _KEY:
            raise KeyRefused(said)
        wait = retry_after(answer.headers.get("Retry-After"))
        if answer.status_code in _LATER or answer.is_server_error:
            raise Busy(said, wait)
        raise Refused(said)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def retry_after(header: str | None) -> float | None:
    """Return how many seconds a `Retry-After` header asks to wait, None where it cannot be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
