"""S3 as a destination: whatever boto3 reaches through `AWS_*` and `TICKMART_S3_ENDPOINT_URL`."""

import io
from collections.abc import Buffer, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from warehouse.errors import TickmartError
from warehouse.settings import settings

THREADS = 8
MULTIPART_BYTES = 16 * 1024 * 1024
COPY_LIMIT_BYTES = 5 * 1024**3  # S3 copies larger objects only in parts


@cache
def _client(endpoint_url: str | None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        config=Config(
            retries={"max_attempts": 5, "mode": "standard"},
            max_pool_connections=2 * THREADS,
            s3={"addressing_style": "path"} if endpoint_url else {},
        ),
    )


def client() -> Any:
    """Return the boto3 client that every S3 access of tickmart uses.

    Raises
    ------
    TickmartError
        TICKMART_S3_ENDPOINT_URL or an `AWS_*` variable makes no sense.
    """
    endpoint_url = settings().s3_endpoint_url
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


class Bucket:
    """A prefix of a bucket as a store.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`. The bucket must exist.

    Notes
    -----
    Objects carry their sha256 as metadata, so what is there is compared without downloading it; boto3 adds
    a CRC to every upload, which the server checks. S3 has no lock that a killed process lets go of: exports
    from one warehouse to one address exclude each other through the database (`registry.export`), exports
    from two warehouses to one address do not.
    """

    threads = THREADS

    def __init__(self, uri: str) -> None:
        # not as a URL: an object's name may hold ? and #, which end a URL's path
        self.bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self.prefix = prefix.strip("/")
        if not self.bucket:
            raise TickmartError(f"{uri} names no bucket. Write s3://bucket/prefix.")
        self.uri = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        self._client = client()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        try:
            with self._reported("read", name):
                data: bytes = self._client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()
                return data
        except FileNotFoundError:
            return None

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Put a file in one step."""
        size = memoryview(data).nbytes
        with self._reported("write", name):
            self._client.upload_fileobj(
                io.BytesIO(data),
                self.bucket,
                self._key(name),
                ExtraArgs={"Metadata": {"sha256": sha256}},
                Config=TransferConfig(
                    multipart_threshold=MULTIPART_BYTES, use_threads=size > MULTIPART_BYTES
                ),
            )
        self._check(name, size, sha256)

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there."""
        found = self._head(name)
        return None if found is None else found["Metadata"].get("sha256")

    def move(self, moves: Iterable[tuple[str, str]]) -> None:
        """Give staged files their final names."""
        list(self._pool.map(lambda move: self._move(*move), moves))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        keys = [{"Key": self._key(name)} for name in names]
        for start in range(0, len(keys), 1000):
            with self._reported("remove", f"{len(keys)} objects"):
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True}
                )
            for error in answer.get("Errors", []):
                raise TickmartError(f"cannot remove s3://{self.bucket}/{error['Key']}: {error['Message']}")

    def clear(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        self.remove(list(self.names(f"{prefix}/")))

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names below a prefix."""
        start = f"{self.prefix}/" if self.prefix else ""
        with self._reported("list", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=start + prefix
            )
            for page in pages:
                for found in page.get("Contents", []):
                    yield found["Key"].removeprefix(start)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock nothing; see the class."""
        yield

    def stage(self, name: str, data: Buffer, sha256: str, staged_name: str) -> bool:
        """Put a file aside unless its final name already holds these bytes."""
        found = self._head(name)
        size = memoryview(data).nbytes
        if found is not None and found["ContentLength"] == size and found["Metadata"].get("sha256") == sha256:
            return False
        self.write(staged_name, data, sha256)
        return True

    def _move(self, staged_name: str, name: str) -> None:
        staged = self._head(staged_name)
        if staged is None:  # moved before the export was killed
            return
        source = {"Bucket": self.bucket, "Key": self._key(staged_name)}
        with self._reported("write", name):
            if staged["ContentLength"] < COPY_LIMIT_BYTES:
                self._client.copy_object(Bucket=self.bucket, Key=self._key(name), CopySource=source)
            else:
                self._client.copy(
                    source, self.bucket, self._key(name), ExtraArgs={"Metadata": staged["Metadata"]}
                )
        self._check(name, staged["ContentLength"], staged["Metadata"].get("sha256"))

    def _check(self, name: str, size: int, sha256: str | None) -> None:
        found = self._head(name)
        if found is None or found["ContentLength"] != size or found["Metadata"].get("sha256") != sha256:
            raise TickmartError(
                f"{self.uri}/{name} does not hold what was written to it; somebody else writes there?"
                " Run the export again."
            )

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            with self._reported("read", name):
                found: dict[str, Any] = self._client.head_object(Bucket=self.bucket, Key=self._key(name))
                return found
        except FileNotFoundError:
            return None

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    @contextmanager
    def _reported(self, action: str, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("404", "NoSuchKey", "NotFound"):
                raise FileNotFoundError(name) from error
            if code == "NoSuchBucket":
                raise TickmartError(
                    f"there is no bucket {self.bucket}. Make it (aws s3 mb s3://{self.bucket}) or correct"
                    " the address."
                ) from error
            raise TickmartError(f"cannot {action} {self.uri}/{name}: {error}") from error
        except (BotoCoreError, Boto3Error) as error:
            why = " ".join(str(error).split())
            raise TickmartError(
                f"cannot {action} {self.uri}/{name}: {why}. Check AWS_* and TICKMART_S3_ENDPOINT_URL."
            ) from error
        except OSError as error:
            raise TickmartError(f"cannot {action} {self.uri}/{name}: {error}") from error
