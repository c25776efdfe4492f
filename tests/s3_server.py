"""The local S3 server as fixtures."""

import itertools
import os
from collections.abc import Iterator

import pytest

from exporters.local_s3 import local_s3_server, make_bucket
from warehouse.settings import settings

_counter = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a local S3 server, which TICKMART_S3_ENDPOINT_URL and AWS_* name as well."""
    with local_s3_server() as address:
        yield address


@pytest.fixture
def s3_bucket(s3_server: str) -> str:
    """Address of a fresh bucket, `s3://…`."""
    settings.cache_clear()
    return make_bucket(f"tickmart-{os.getpid()}-{next(_counter)}")
