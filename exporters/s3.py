"""The S3 that tickmart reaches: whatever boto3 reaches through `AWS_*` and `TICKMART_S3_ENDPOINT_URL`."""

import os
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from warehouse.errors import TickmartError
from warehouse.settings import settings

THREADS = 8


@cache
def _client(endpoint_url: str | None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        config=Config(
            # AWS_MAX_ATTEMPTS overrides this, as everywhere
            retries={"mode": "standard"} | ({} if "AWS_MAX_ATTEMPTS" in os.environ else {"max_attempts": 5}),
            max_pool_connections=2 * THREADS,
            s3={"addressing_style": "path"} if endpoint_url else {},
        ),
    )


def client() -> Any:
    """Return the boto3 client that every S3 access of tickmart uses.

    Raises
    ------
    TickmartError
        TICKMART_S3_ENDPOINT_URL or an `AWS_*` variable makes no sense, or an address holds a password.
    """
    endpoint_url = settings().s3_endpoint_url
    for name, address in (
        ("TICKMART_S3_ENDPOINT_URL", endpoint_url),
        *((name, os.environ.get(name)) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")),
    ):
        # S3 would not use a name and password, and every error of a request prints the address
        if address and "@" in address:
            raise TickmartError(
                f"{name} holds a user or password. Write http://host:port or https://host; keys belong in"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
    if endpoint_url is not None and not _is_address(endpoint_url):
        raise TickmartError(
            f"TICKMART_S3_ENDPOINT_URL is {endpoint_url!r}, which is no address of a server."
            " Write http://host:port or https://host."
        )
    try:
        return _client(endpoint_url)
    except (BotoCoreError, ValueError) as error:
        raise TickmartError(f"cannot use S3: {error}. Check AWS_* and TICKMART_S3_ENDPOINT_URL.") from error


def nautilus_options() -> dict[str, dict[str, Any]]:
    """Return what Nautilus needs to read from the S3 that boto3 reaches.

    Returns
    -------
    dict
        `fs_storage_options` (fsspec: listing, instruments) and `fs_rust_storage_options` (object_store: bars
        and Greeks), as `ParquetDataCatalog` names them. Nautilus reads no `AWS_*` variables itself.
    """
    s3 = client()
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise TickmartError(
            "no S3 credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        )
    keys = credentials.get_frozen_credentials()
    region, endpoint = s3.meta.region_name or "us-east-1", s3.meta.endpoint_url
    python = {
        "key": keys.access_key,
        "secret": keys.secret_key,
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": region},
    }
    rust = {
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "endpoint_url": endpoint,
        "region": region,
    }
    if keys.token:
        python["token"] = rust["session_token"] = keys.token
    if endpoint.startswith("http://"):
        rust["allow_http"] = "true"
    return {"fs_storage_options": python, "fs_rust_storage_options": rust}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_one_word = url.isprintable() and " " not in url
    return is_one_word and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
