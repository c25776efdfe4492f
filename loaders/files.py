"""The files that paths mean, and how each of them is opened."""

import bz2
import glob
import gzip
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

import zstandard

from warehouse.errors import TickmartError

# What a reader of a cut or damaged archive raises.
DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
    NotImplementedError,
)
# Stands in the ledger between the uri of a file and the day it was loaded as of; a `?` of a path is quoted.
AS_OF_MARK = "?as_of="
_SPOOL = 64 << 20
_ABOUT_THE_DATA = re.compile(r"(read[ _-]?me|licen[cs]e|terms|disclaimer)", re.IGNORECASE)


class Readable(Protocol):
    """Bytes that come in order."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, at least one before the end, and b"" at the end."""


class Stream:
    """Bytes that come in order, whose first ones can be looked at before.

    Parameters
    ----------
    stream : Readable
        Where the bytes come from.
    on_read : callable
        Hears of every n bytes taken from there.
    """

    def __init__(self, stream: Readable, on_read: Callable[[int], None] | None = None) -> None:
        self._stream = stream
        self._on_read = on_read or _ignore
        self._ahead = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, and b"" at the end."""
        if self._ahead:
            data, self._ahead = (self._ahead, b"") if size < 0 else (self._ahead[:size], self._ahead[size:])
            return data
        data = self._stream.read(size)
        self._on_read(len(data))
        return data

    def first(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end, and leave them to be read."""
        while len(self._ahead) < size and (data := self._stream.read(size - len(self._ahead))):
            self._on_read(len(data))
            self._ahead += data
        return self._ahead[:size]


@dataclass(frozen=True)
class DataFile:
    """A file, or one member of an archive, that may hold data.

    Attributes
    ----------
    uri : str
        `file://` URI of the absolute path, links resolved; `!member` behind it for a member of an archive.
    name : str
        Short name for messages.
    size : int
        Bytes on disk, compressed as they are there.
    opener : callable
        Opens it for one more reading; `on_read(n)` hears of every n bytes taken from the disk.
    skipped : str or None
        Why it is not taken for data; None when it is.
    """

    uri: str
    name: str
    size: int
    opener: Callable[[Callable[[int], None]], Any]
    skipped: str | None = None

    @contextmanager
    def open(self, on_read: Callable[[int], None] | None = None) -> Iterator[Stream]:
        """Open for reading, uncompressed.

        Raises
        ------
        TickmartError
            The file cannot be read.
        """
        with self.opener(on_read or _ignore) as stream:
            yield stream


@dataclass(frozen=True)
class Unreadable:
    """A path that gives no data, and why.

    Attributes
    ----------
    uri : str
        Of the path, as far as it can be resolved.
    name : str
        As the user wrote it.
    error : TickmartError
        What was found and what to do.
    exists : bool
        Whether there is something at the path.
    """

    uri: str
    name: str
    error: TickmartError
    exists: bool = True


def expand(paths: Iterable[str | Path], suffixes: tuple[str, ...]) -> list[Path | Unreadable]:
    """Turn paths, folders and patterns into files, in natural order, each once.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, folders (searched with everything below) and glob patterns.
    suffixes : tuple of str
        Which files of a folder count, such as `.csv`.

    Returns
    -------
    list of Path or Unreadable
        The files; and what could not be found, in its place.
    """
    found: dict[Path, Path | Unreadable] = {}
    for given in paths:
        for item in _expand_one(Path(given).expanduser(), suffixes):
            key = item if isinstance(item, Path) else Path(item.name)
            found.setdefault(key, item)
    return list(found.values())


def _expand_one(given: Path, suffixes: tuple[str, ...]) -> Iterator[Path | Unreadable]:
    try:
        mode = given.stat().st_mode
    except OSError as error:
        matches = sorted(glob.glob(str(given), recursive=True), key=natural_order)
        if not matches:
            yield _unreadable(given, _why(error, given), exists=False)
        for match in matches:
            yield from _expand_one(Path(match), suffixes)
        return
    if stat.S_ISREG(mode):
        yield given.resolve()
    elif stat.S_ISDIR(mode):
        yield from _in_folder(given, suffixes)
    else:
        yield _unreadable(given, "neither a file nor a folder")


def _in_folder(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path | Unreadable]:
    troubles: list[OSError] = []
    files = []
    for parent, folders, names in os.walk(folder, onerror=troubles.append):
        folders[:] = sorted((f for f in folders if not f.startswith((".", "__MACOSX"))), key=natural_order)
        files += [Path(parent, name) for name in names if why_no_data(name, suffixes) is None]
    for trouble in troubles:
        path = Path(trouble.filename or folder)
        yield _unreadable(path, _why(trouble, path))
    if not files and not troubles:
        yield _unreadable(folder, f"the folder holds no data file ({', '.join(suffixes)})")
    for file in sorted(files, key=natural_order):
        yield file.resolve()


def why_no_data(name: str, suffixes: tuple[str, ...]) -> str | None:
    """Return why a file of this name in a folder or archive is not taken for data, or None."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.name.startswith(".") or "__MACOSX" in path.parts:
        return "hidden"
    if path.suffix.lower() not in suffixes:
        return f"no data file ({path.suffix or 'no suffix'})"
    if _ABOUT_THE_DATA.match(path.name):
        return "about the data"
    return None


def natural_order(path: str | Path) -> list[tuple[int, int, str]]:
    """Return a sort key under which `day2` comes before `day10`."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", str(path))
        if part
    ]


def data_files(path: Path, suffixes: tuple[str, ...]) -> Iterator[DataFile | Unreadable]:
    """Yield what a file holds: itself, or the members of an archive, archives within it included.

    Each is valid until the next is asked for.

    Parameters
    ----------
    path : Path
        An existing file. Its first bytes decide what it is, not its name.
    suffixes : tuple of str
        Which members of an archive count as data.
    """
    uri = path.as_uri()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            is_archive = _first(file) == "zip"
        if not is_archive:
            yield DataFile(uri, path.name, size, lambda on_read: _open_plain(path, on_read))
            return
        with path.open("rb") as file:
            yield from _members(file, uri, path.name, suffixes)
    except OSError as error:
        yield Unreadable(uri, path.name, TickmartError(f"cannot read {path}: {_why(error, path)}"))


def _members(
    file: IO[bytes], uri: str, name: str, suffixes: tuple[str, ...]
) -> Iterator[DataFile | Unreadable]:
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        yield Unreadable(uri, name, damaged(name, error))
        return
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if all(why_no_data(m.filename, suffixes) for m in members):
            holds = ", ".join(m.filename for m in members[:5]) or "nothing"
            yield Unreadable(
                uri, name, TickmartError(f"{name} holds no data file ({', '.join(suffixes)}), only: {holds}")
            )
            return
        times: dict[str, int] = {}
        for member in sorted(members, key=lambda m: natural_order(m.filename)):
            times[member.filename] = times.get(member.filename, 0) + 1
            repeat = f"#{times[member.filename]}" if times[member.filename] > 1 else ""
            yield from _member(archive, member, f"{uri}!{member.filename}{repeat}", name, suffixes)


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, uri: str, archive_name: str, suffixes: tuple[str, ...]
) -> Iterator[DataFile | Unreadable]:
    name = (
        member.filename if archive_name == f"{member.filename}.zip" else f"{archive_name}!{member.filename}"
    )
    skipped = why_no_data(member.filename, suffixes)
    if skipped is None and member.flag_bits & 1:
        error = TickmartError(f"{name} is encrypted; unpack it with its password and load the files")
        yield Unreadable(uri, name, error)
    elif skipped is None and member.filename.lower().endswith(".zip"):
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as inner:
            try:
                with archive.open(member) as packed:
                    shutil.copyfileobj(packed, inner, 1 << 20)
            except DAMAGE as error:
                yield Unreadable(uri, name, damaged(name, error))
                return
            yield from _members(inner, uri, name, suffixes)
    else:
        yield DataFile(
            uri,
            name,
            member.compress_size,
            lambda on_read: _open_member(archive, member, name, on_read),
            skipped,
        )


@contextmanager
def _open_plain(path: Path, on_read: Callable[[int], None]) -> Iterator[Stream]:
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise TickmartError(f"cannot read {path}: {_why(error, path)}") from error
    with file:
        yield _decompressed(Stream(file, on_read), path.name)


@contextmanager
def _open_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, on_read: Callable[[int], None]
) -> Iterator[Stream]:
    try:
        file = archive.open(member)
    except DAMAGE as error:
        raise damaged(name, error) from error
    share = member.compress_size / max(member.file_size, 1)
    with file:
        yield _decompressed(Stream(file, lambda n: on_read(int(n * share))), name)


_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "pdf",
}


def _first(file: Any) -> str | None:
    start = file.first(8) if isinstance(file, Stream) else file.read(8)
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def _decompressed(stream: Stream, name: str) -> Stream:
    kind = _first(stream)
    match kind:
        case None:
            return stream
        case "gz":
            inner: Readable = gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[call-overload]
        case "bz2":
            inner = bz2.BZ2File(stream)  # type: ignore[call-overload]
        case "zst":
            inner = _Zst(stream)
        case _:
            raise TickmartError(
                f"{name} is {kind}, which cannot be read here; unpack or convert it to CSV first"
            )
    return _decompressed(Stream(inner), name)


class _Zst:
    """Zstandard frames one behind another; a cut last one is an error, unlike in the library's reader."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._frame: Any = None
        self._packed = b""
        self._plain = b""

    def read(self, size: int = -1, /) -> bytes:
        while not self._plain:
            if not self._packed:
                self._packed = self._stream.read(1 << 16)
                if not self._packed:
                    if self._frame is not None:
                        raise EOFError("the last frame is cut")
                    return b""
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain = self._frame.decompress(self._packed)
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        if size < 0:
            data, self._plain = self._plain, b""
        else:
            data, self._plain = self._plain[:size], self._plain[size:]
        return data


def damaged(name: str, error: BaseException) -> TickmartError:
    """Return the error for an archive that cannot be read to its end."""
    if isinstance(error, NotImplementedError):
        return TickmartError(f"{name} is packed in a way that cannot be read here ({error}); unpack it first")
    return TickmartError(f"{name} is cut or damaged ({error}); fetch it again")


def _unreadable(path: Path, why: str, exists: bool = True) -> Unreadable:
    try:
        uri = path.resolve().as_uri()
    except OSError:
        uri = path.absolute().as_uri()
    return Unreadable(uri, str(path), TickmartError(f"cannot read {path}: {why}"), exists)


def _why(error: OSError, path: Path) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file or folder"
        case PermissionError():
            return f"no permission; let user id {os.geteuid()} read it"
        case _:
            return error.strerror or str(error)


def _ignore(_: int) -> None:
    return None
