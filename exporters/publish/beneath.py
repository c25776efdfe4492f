"""Files below one folder, reached without following a symbolic link.

Every part of a name is opened in the folder opened before it (`openat`, `O_NOFOLLOW`), so that a link that
somebody puts there, even at this moment, leads nowhere. The folder itself may be reached by a link: its user
named it.
"""

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter, FileIO
from pathlib import Path

from warehouse.errors import TickmartError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# a named pipe must not keep a reader waiting for its writer
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Beneath:
    """Names below a folder, with forward slashes; anything but folders and regular files is an error.

    Parameters
    ----------
    root : Path
        Made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def open(self, name: str) -> BufferedReader:
        """Open a regular file for reading."""
        with self._parent(name) as (folder, last):
            return os.fdopen(self._opened(folder, name, last, _READ), "rb")

    def create(self, name: str) -> BufferedWriter:
        """Open a new file for writing, replacing one that is there; its folders are made."""
        with self._parent(name, make=True) as (folder, last):
            try:
                return os.fdopen(self._opened(folder, name, last, _CREATE), "wb")
            except FileExistsError:
                os.unlink(last, dir_fd=folder)
                return os.fdopen(self._opened(folder, name, last, _CREATE), "wb")

    def open_lock(self, name: str) -> FileIO:
        """Open a file that matters only for its lock; make it where there is none."""
        with self._parent(name, make=True) as (folder, last):
            return os.fdopen(self._opened(folder, name, last, _LOCK), "rb", buffering=0)

    def rename(self, source: str, target: str) -> None:
        """Rename a file, replacing one that has the new name; the folders of that name are made."""
        with self._parent(source) as (folder, last), self._parent(target, make=True) as (to, new):
            self._refuse_link(to, target, new)
            os.replace(last, new, src_dir_fd=folder, dst_dir_fd=to)

    def unlink(self, name: str) -> None:
        """Remove a file, and the folders that are then empty; a file that is not there is no error."""
        with suppress(FileNotFoundError), self._parent(name) as (folder, last):
            self._refuse_link(folder, name, last)
            os.unlink(last, dir_fd=folder)
        while "/" in name:
            name = name.rsplit("/", 1)[0]
            try:
                with self._parent(name) as (folder, last):
                    os.rmdir(last, dir_fd=folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return
                raise

    def names(self, folder: str) -> list[str]:
        """Return what lies in a folder, nothing where there is none."""
        try:
            with self._parent(folder) as (parent, last):
                self._refuse_link(parent, folder, last)
                return self._names(parent, last)
        except FileNotFoundError:
            return []

    def remove_tree(self, name: str) -> None:
        """Remove a file, or a folder and everything below it; links below go, what they point to stays."""
        with suppress(FileNotFoundError), self._parent(name) as (folder, last):
            self._refuse_link(folder, name, last)
            if stat.S_ISDIR(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree(last, dir_fd=folder)
            else:
                os.unlink(last, dir_fd=folder)

    def sync_folder(self, name: str) -> None:
        """Return once the names in the folder of a file survive a loss of power."""
        with self._parent(name) as (folder, _):
            os.fsync(folder)

    def sync(self) -> None:
        """Return once everything written below the root survives a loss of power.

        One call for the whole file system: thousands of small files, each with a folder of its own, take
        many times as long one by one.
        """
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:  # Linux has it
            os.sync()
            return
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if syncfs(root):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        finally:
            os.close(root)

    @contextmanager
    def _parent(self, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *parts, last = name.split("/")
        if make and not os.path.isdir(self._root):
            os.makedirs(self._root, exist_ok=True)
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for depth, part in enumerate(parts, 1):
                if make:
                    _make(folder, part)
                try:
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                except OSError:
                    self._refuse_link(folder, "/".join(parts[:depth]), part)
                    raise
                os.close(folder)
                folder = inner
            yield folder, last
        finally:
            os.close(folder)

    def _opened(self, folder: int, name: str, last: str, flags: int) -> int:
        try:
            descriptor = os.open(last, flags, 0o666, dir_fd=folder)
        except OSError:
            self._refuse_link(folder, name, last)
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise TickmartError(f"{self._root}/{name} is not a regular file. Remove it and export again.")
        return descriptor

    def _refuse_link(self, folder: int, name: str, last: str) -> None:
        try:
            found = os.stat(last, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return
        if stat.S_ISLNK(found.st_mode):
            raise TickmartError(
                f"{self._root}/{name} is a symbolic link, and exports follow none below their destination."
                " Remove it, or export to another folder."
            )

    @staticmethod
    def _names(parent: int, name: str) -> list[str]:
        folder = os.open(name, _FOLDER, dir_fd=parent)
        try:
            return os.listdir(folder)
        finally:
            os.close(folder)


def _make(folder: int, name: str) -> None:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            return
