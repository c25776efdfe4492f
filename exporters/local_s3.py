"""A local S3 server for the demo and the tests: moto's, in a process of its own, on loopback, in memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporters import s3
from warehouse.errors import TickmartError
from warehouse.settings import settings

_REGION = "ap-south-1"
_PATIENCE = 30.0
# Variables that would send a client elsewhere, or sign it in as somebody.
_ELSEWHERE = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


@contextmanager
def local_s3_server() -> Iterator[str]:
    """Run an S3 server and point this process and its children at it, until the block ends.

    Yields
    ------
    str
        Its address. `TICKMART_S3_ENDPOINT_URL` and the `AWS_*` variables name it inside the block.

    Raises
    ------
    TickmartError
        moto is not installed, or its server did not start.

    Notes
    -----
    The server has a process of its own, because Nautilus' readers hold the interpreter's lock while they wait
    for it. The server keeps objects in memory only and takes any key.
    """
    program = Path(sys.executable).with_name("moto_server")
    if not program.exists():
        raise TickmartError("the local S3 server is not installed. Install it: make setup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    before = dict(os.environ)
    try:
        _wait(server, port)
        os.environ.update(
            TICKMART_S3_ENDPOINT_URL=address,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",  # noqa: S106  the server takes any key
            AWS_DEFAULT_REGION=_REGION,
        )
        for name in _ELSEWHERE:
            os.environ.pop(name, None)
        settings.cache_clear()
        yield address
    finally:
        for name in (
            "TICKMART_S3_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
            *_ELSEWHERE,
        ):
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
        settings.cache_clear()
        server.terminate()
        server.wait(10)


def make_bucket(name: str) -> str:
    """Make a bucket on the local server and return its address, `s3://…`."""
    s3.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": _REGION})
    return f"s3://{name}"


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TickmartError(f"the local S3 server did not start on 127.0.0.1:{port}")
