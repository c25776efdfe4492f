"""What a destination must be able to do, and which destination an address names."""

from collections.abc import Buffer, Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from exporters.publish.manifest import PublishedFile
from warehouse.errors import TickmartError
from warehouse.paths import local_path


class ChangedMeanwhileError(TickmartError):
    """Another export has written a destination's manifest since this one read it."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"another export wrote to {uri} at the same time. Run this export again.")


class Store(Protocol):
    """A place that holds files by name: a folder, or a prefix of a bucket."""

    uri: str
    threads: int  # files worth putting at the same time
    has_lock: bool  # whether `lock` keeps others out; where not, the database's lock must

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        ...

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """Return a file's bytes and the version that `replace` takes, None where there is no such file."""
        ...

    def replace(self, name: str, data: bytes, version: str | None) -> str:
        """Write a file that is still as `read_version` found it (None: not there), in one step.

        Returns
        -------
        str
            The new version.

        Raises
        ------
        ChangedMeanwhileError
            The file has changed; nothing was written.
        """
        ...

    def check_unchanged(self, name: str, version: str) -> None:
        """Raise ChangedMeanwhileError where a file is no longer as `replace` left it."""
        ...

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Stage a file, under a name that nobody reads yet. Called from several threads at once."""
        ...

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there, None where nothing is."""
        ...

    def secure(self) -> None:
        """Return once all that was written survives a loss of power."""
        ...

    def place(self, files: Iterable[PublishedFile], check: Callable[[], None]) -> None:
        """Copy staged files to their paths: readers see the old bytes or the new, never a part.

        A file whose staged bytes are gone is left alone if its path holds them, and is an error otherwise.
        `check` is called before each, maybe from several threads at once; nothing is copied after it raised.
        """
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        ...

    def children(self, folder: str) -> list[str]:
        """Return the names directly below a folder; none where there is no such folder."""
        ...

    def clear(self, name: str) -> None:
        """Remove a file, or a folder and everything below it."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Keep a second export to the same place out, where `has_lock`."""
        ...


def open_store(destination: str | Path) -> Store:
    """Return the store behind a destination.

    Parameters
    ----------
    destination : str or Path
        A folder, or `s3://bucket/prefix`.
    """
    text = str(destination)
    if text.startswith("s3://"):
        from exporters.publish.bucket import Bucket

        return Bucket(text)
    if "://" in text or text.lower().startswith("s3:"):
        raise TickmartError(f"{text}: exports go to a folder or to s3://bucket/prefix.")
    from exporters.publish.folder import Folder

    return Folder(local_path(text))


def staged_bytes_are_gone(uri: str, file: PublishedFile) -> TickmartError:
    """Return the error for a listed file whose bytes lie nowhere."""
    return TickmartError(
        f"{uri} lists {file.path}, whose bytes lie neither there nor at {file.stored_at}: the destination was"
        " copied or cleared in part. Export to an empty place."
    )
