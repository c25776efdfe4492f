"""A local S3 server for tests: moto's, in a process of its own, because Nautilus' readers hold the GIL."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.s3 import client
from warehouse.settings import settings

_counter = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a local S3 server, which TICKMART_S3_ENDPOINT_URL and AWS_* name as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    server = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(server, port)
        with pytest.MonkeyPatch.context() as patch:
            address = f"http://127.0.0.1:{port}"
            patch.setenv("TICKMART_S3_ENDPOINT_URL", address)
            patch.setenv("AWS_ACCESS_KEY_ID", "testing")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
            patch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
                patch.delenv(name, raising=False)
            settings.cache_clear()
            yield address
        settings.cache_clear()
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def s3_bucket(s3_server: str) -> str:
    """Address of a fresh bucket, `s3://…`."""
    name = f"tickmart-{os.getpid()}-{next(_counter)}"
    settings.cache_clear()
    client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    return f"s3://{name}"


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the local S3 server did not start")
