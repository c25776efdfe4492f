"""A local folder as a store."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Buffer, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporters.publish.beneath import Beneath
from exporters.publish.generations import STAGING
from exporters.publish.manifest import PublishedFile
from exporters.publish.stores import ChangedMeanwhileError, staged_bytes_are_gone
from warehouse.errors import TickmartError
from warehouse.paths import local_path

_LOCK = ".lock"
# a file before it gets its name, outside the folders that frameworks list; one at a time, under the lock
_ARRIVING = f"{STAGING}/arriving"
_CHUNK = 1024 * 1024


class Folder:
    """A local folder as a store.

    Parameters
    ----------
    path : Path
        Made when it does not exist. It may be reached by a symbolic link; below it none is followed.
    """

    threads = 2
    has_lock = True

    def __init__(self, path: Path) -> None:
        self.path = local_path(path).absolute()
        self.uri = str(self.path)
        self._files = Beneath(self.path)
        if os.path.exists(self.path) and not self.path.is_dir():
            raise TickmartError(f"{self.path} is a file; an export needs a folder or an s3:// address.")

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        with self._reported("read", name):
            try:
                with self._files.open(name) as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """Return a file's bytes and their sha256."""
        data = self.read(name)
        return None if data is None else (data, hashlib.sha256(data).hexdigest())

    def replace(self, name: str, data: bytes, version: str | None) -> str:
        """Write a file that is still as it was read, in one step; called under the lock."""
        found = self.read_version(name)
        if (None if found is None else found[1]) != version:
            raise ChangedMeanwhileError(self.uri)
        with self._reported("write", name):
            with self._files.create(_ARRIVING) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._files.rename(_ARRIVING, name)
            self._files.sync_folder(name)
        return hashlib.sha256(data).hexdigest()

    def check_unchanged(self, name: str, version: str) -> None:
        """Do nothing: nobody else has the lock."""

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Stage a file."""
        with self._reported("write", name), self._files.create(name) as file:
            file.write(data)

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there."""
        with self._reported("read", name):
            try:
                with self._files.open(name) as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                return None

    def secure(self) -> None:
        """Return once all that was written survives a loss of power."""
        with self._reported("write", ""):
            self._files.sync()

    def place(self, files: Iterable[PublishedFile], check: Callable[[], None]) -> None:
        """Copy staged files to their paths, each by a temporary name outside the data."""
        for file in files:
            check()
            if self._copy(file):
                with self._reported("write", file.path):
                    self._files.rename(_ARRIVING, file.path)
            elif self.checksum(file.path) != file.sha256:
                raise staged_bytes_are_gone(self.uri, file)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders that are then empty."""
        for name in names:
            with self._reported("remove", name):
                self._files.unlink(name)

    def children(self, folder: str) -> list[str]:
        """Return the names directly below a folder."""
        with self._reported("list", folder):
            return sorted(self._files.names(folder))

    def clear(self, name: str) -> None:
        """Remove a file, or a folder and everything below it."""
        with self._reported("remove", name):
            self._files.remove_tree(name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold `<folder>/.lock`; the system lets go of it when the process dies, however it dies."""
        with self._reported("write", _LOCK):
            file = self._files.open_lock(_LOCK)
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise TickmartError(f"cannot lock {self.path}: {error.strerror}.") from error
                raise TickmartError(
                    f"another export is writing to {self.path}. Wait for it, or export to another folder."
                ) from None
            yield

    def _copy(self, file: PublishedFile) -> bool:
        """Copy a staged file to where it gets its name; False where its bytes are not those listed."""
        assert file.stored_at is not None
        digest = hashlib.sha256()
        with self._reported("write", file.path):
            try:
                source = self._files.open(file.stored_at)
            except FileNotFoundError:
                return False
            with source, self._files.create(_ARRIVING) as copy:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
        return digest.hexdigest() == file.sha256

    @contextmanager
    def _reported(self, action: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TickmartError(
                f"cannot {action} {self.uri}/{name}: {error.strerror or error}. Free space, correct its"
                " permissions or export to another folder."
            ) from error
