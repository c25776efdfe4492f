"""A prefix of an S3 bucket as a store."""

import io
from collections.abc import Buffer, Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from exporters.publish.manifest import PublishedFile
from exporters.publish.stores import ChangedMeanwhileError, staged_bytes_are_gone
from exporters.s3 import THREADS, client
from warehouse.errors import TickmartError

MULTIPART_BYTES = 16 * 1024 * 1024
_DELETED_AT_ONCE = 1000
_GONE = ("404", "NoSuchKey", "NotFound")
_CHANGED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict", *_GONE)
_UNCONDITIONAL = ("501", "NotImplemented")


class Bucket:
    """A prefix of a bucket as a store.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`. The bucket must exist.

    Notes
    -----
    Objects carry their sha256 as metadata, so what is there is compared without downloading it; boto3 adds a
    CRC to every upload, which the server checks. S3 has no lock that a killed process lets go of. So exports
    from one warehouse to one address exclude each other by a row of `audit.locks`, and do not begin without
    it (`exporting.export`). Of two warehouses, the one that writes the manifest second is refused where the
    server heeds `If-Match`, and an export that finds another's manifest while it copies stops there.
    """

    threads = THREADS
    has_lock = False
    copy_limit = 5 * 1024**3  # bytes; S3 copies larger objects only in parts

    def __init__(self, uri: str) -> None:
        # not as a URL: an object's name may hold ? and #, which end a URL's path
        self.bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self.prefix = prefix.strip("/")
        if not self.bucket:
            raise TickmartError(f"{uri} names no bucket. Write s3://bucket/prefix.")
        self.uri = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        self._client = client()

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        found = self.read_version(name)
        return None if found is None else found[0]

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """Return a file's bytes and its ETag."""
        try:
            with self._reported("read", name, may_be_missing=True):
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name))
                return answer["Body"].read(), answer["ETag"]
        except FileNotFoundError:
            return None

    def replace(self, name: str, data: bytes, version: str | None) -> str:
        """Write a file if its ETag is still the one that was read."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with self._reported("write", name):
            try:
                return self._put(name, data, **condition)
            except ClientError as error:
                if _code(error) in _UNCONDITIONAL:  # then the database's lock alone keeps others out
                    return self._put(name, data)
                if _code(error) not in _CHANGED:
                    raise
        found = self.read_version(name)
        if found is not None and found[0] == data:  # written by an attempt whose answer was lost
            return found[1]
        raise ChangedMeanwhileError(self.uri)

    def check_unchanged(self, name: str, version: str) -> None:
        """Raise where a file has another ETag now, or is gone."""
        found = self._head(name)
        if found is None or found["ETag"] != version:
            raise ChangedMeanwhileError(self.uri)

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Stage a file."""
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

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there."""
        found = self._head(name)
        return None if found is None else _sha256(found)

    def secure(self) -> None:
        """Do nothing: S3 answers once an object is safe."""

    def place(self, files: Iterable[PublishedFile], check: Callable[[], None]) -> None:
        """Copy staged objects to their paths, on the server."""

        def place(file: PublishedFile) -> None:
            check()
            self._place(file)

        self._each(place, files)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        keys = [{"Key": self._key(name)} for name in names]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            with self._reported("remove", f"{len(keys)} objects"):
                answer = self._client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": keys[start : start + _DELETED_AT_ONCE], "Quiet": True},
                )
            for error in answer.get("Errors", []):
                raise TickmartError(
                    f"cannot remove s3://{self.bucket}/{error.get('Key')}: {error.get('Message')}"
                )

    def children(self, folder: str) -> list[str]:
        """Return the names directly below a prefix."""
        start = f"{self._key(folder)}/"
        found: list[str] = []
        for page in self._pages(start, Delimiter="/"):
            found += [part["Prefix"] for part in page.get("CommonPrefixes", [])]
            found += [part["Key"] for part in page.get("Contents", [])]
        return sorted(key.removeprefix(start).rstrip("/") for key in found)

    def clear(self, name: str) -> None:
        """Remove an object, or everything below a prefix."""
        start = f"{self.prefix}/" if self.prefix else ""
        below = [
            part["Key"].removeprefix(start)
            for page in self._pages(f"{self._key(name)}/")
            for part in page.get("Contents", [])
        ]
        self.remove(below or [name])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock nothing; see the class."""
        yield

    def _place(self, file: PublishedFile) -> None:
        assert file.stored_at is not None
        source = {"Bucket": self.bucket, "Key": self._key(file.stored_at)}
        try:
            with self._reported("write", file.path, may_be_missing=True):
                if file.bytes < self.copy_limit:
                    self._client.copy_object(Bucket=self.bucket, Key=self._key(file.path), CopySource=source)
                else:
                    self._client.copy(
                        source, self.bucket, self._key(file.path),
                        ExtraArgs={"Metadata": {"sha256": file.sha256}},
                        Config=TransferConfig(multipart_threshold=self.copy_limit),
                    )  # fmt: skip
        except FileNotFoundError:
            if not self._holds(file):
                raise staged_bytes_are_gone(self.uri, file) from None
            return
        if not self._holds(file):
            raise TickmartError(
                f"{self.uri}/{file.path} does not hold what was written to it; somebody else writes there?"
                " Run the export again."
            )

    def _holds(self, file: PublishedFile) -> bool:
        found = self._head(file.path)
        return found is not None and (found["ContentLength"], _sha256(found)) == (file.bytes, file.sha256)

    def _each(self, do: Callable[[PublishedFile], None], files: Iterable[PublishedFile]) -> None:
        with ThreadPoolExecutor(self.threads, thread_name_prefix="s3") as pool:
            running = [pool.submit(do, file) for file in files]
            wait(running, return_when=FIRST_EXCEPTION)
            # nothing may go on writing once the caller is told of an error
            pool.shutdown(cancel_futures=True)
        for one in running:
            if not one.cancelled():
                one.result()

    def _put(self, name: str, data: bytes, **condition: str) -> str:
        answer = self._client.put_object(Bucket=self.bucket, Key=self._key(name), Body=data, **condition)
        version: str = answer["ETag"]
        return version

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            with self._reported("read", name, may_be_missing=True):
                found: dict[str, Any] = self._client.head_object(Bucket=self.bucket, Key=self._key(name))
        except FileNotFoundError:
            return None
        return found

    def _pages(self, prefix: str, **how: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, **how
        )
        with self._reported("list", prefix):
            yield from pages

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    @contextmanager
    def _reported(self, action: str, name: str, *, may_be_missing: bool = False) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if may_be_missing and _code(error) in _GONE:
                raise FileNotFoundError(name) from error
            if _code(error) == "NoSuchBucket":
                raise TickmartError(
                    f"there is no bucket {self.bucket}. Make it (aws s3 mb s3://{self.bucket}) or correct"
                    " the address."
                ) from error
            raise TickmartError(f"cannot {action} {self.uri}/{name}: {_line(error)}") from error
        except (BotoCoreError, Boto3Error, ResponseParserError) as error:
            raise TickmartError(
                f"cannot {action} {self.uri}/{name}: {_line(error)}."
                " Check AWS_* and TICKMART_S3_ENDPOINT_URL."
            ) from error
        except OSError as error:
            raise TickmartError(f"cannot {action} {self.uri}/{name}: {_line(error)}") from error


def _sha256(found: dict[str, Any]) -> str | None:
    # some servers give the names back capitalised
    metadata = {key.lower(): value for key, value in found["Metadata"].items()}
    return metadata.get("sha256")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
