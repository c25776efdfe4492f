"""The files that paths name, and how each of them is opened."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import quote, unquote_to_bytes

import zstandard

from warehouse.errors import TickmartError
from warehouse.paths import local_path, printable

# What a reader of a cut or damaged archive raises.
DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    NotImplementedError,
    UnicodeDecodeError,
)
# In the ledger, this separates the uri of a file from the day it was loaded as of; a `?` in a path is quoted.
AS_OF_MARK = "?as_of="
_SPOOL = 16 << 20
# Archives may be nested: one of a year holds those of months, which hold those of days, which hold packed
# files.
_DEEPEST = 8
# Market data pack to a tenth, at best to a fiftieth. A file that swells by more than this, and to so much, is
# a trap.
_MOST_SWELLING = 250
_LARGE = 1 << 30
_ABOUT_THE_DATA = re.compile(r"(read[ _-]?me|licen[cs]e|terms|disclaimer)", re.IGNORECASE)


class Readable(Protocol):
    """Bytes that come in order."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, at least one before the end, and b"" at the end."""


class Stream:
    """Bytes that come in order; the next ones can be looked at before they are read.

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
        self.taken = 0  # bytes given out

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, and b"" at the end."""
        if self._ahead:
            data, self._ahead = (self._ahead, b"") if size < 0 else (self._ahead[:size], self._ahead[size:])
        else:
            data = self._stream.read(size)
            self._on_read(len(data))
        self.taken += len(data)
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
        `file://` URI of the absolute path, links resolved; followed by `!member` for a member of an archive.
    name : str
        Short name for messages.
    size : int
        Bytes on disk, compressed as they are there.
    opener : callable
        Opens it for one more reading; `on_read(n)` hears of every n bytes taken from the disk.
    """

    uri: str
    name: str
    size: int
    opener: Callable[[Callable[[int], None]], Any]

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


@dataclass(frozen=True)
class PassedOver:
    """Something in a folder or an archive that is not taken for data.

    Attributes
    ----------
    uri, name : str
    why : str
        Such as `no data file (.tmp)`.
    """

    uri: str
    name: str
    why: str


def expand(paths: Iterable[str | Path], suffixes: tuple[str, ...]) -> list[Path | Unreadable | PassedOver]:
    """Turn paths, folders and patterns into files, in natural order, each once.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, folders (searched with everything below, links to folders not followed) and glob patterns.
    suffixes : tuple of str
        Which files of a folder count, such as `.csv`. A file that is named explicitly counts whatever its
        name.

    Returns
    -------
    list of Path or Unreadable or PassedOver
        The regular files and, each in its place, what cannot be read and what in a folder is not taken for
        data.
    """
    found: dict[str, Path | Unreadable | PassedOver] = {}
    for given in paths:
        for item in _expand_one(given, suffixes):
            key = item.as_uri() if isinstance(item, Path) else item.uri
            if isinstance(found.get(key, item), PassedOver):
                found.pop(key, None)  # named explicitly, it counts
            found.setdefault(key, item)
    return list(found.values())


def uri_of(path: Path, *members: str) -> str:
    """Return the URI under which the ledger knows a file, or a member of an archive within an archive.

    Links are resolved as far as they lead. Characters that have a meaning in such a URI are quoted in a
    member's name.
    """
    return "!".join([_real(path).as_uri(), *map(_quoted, members)])


def path_of(uri: str) -> Path:
    """Return the path of a `file://` URI; where it names a member, that of the archive."""
    path = uri.partition("!")[0].partition(AS_OF_MARK)[0].removeprefix("file://")
    return Path(os.fsdecode(unquote_to_bytes(path)))


def _quoted(member: str) -> str:
    return "".join(c if c.isprintable() and c not in "!?%" else quote(c, safe="") for c in member)


def _real(path: Path) -> Path:
    # not Path.resolve(), which raises for links that go in a circle
    return Path(os.path.realpath(path))


def _expand_one(given: str | Path, suffixes: tuple[str, ...]) -> Iterator[Path | Unreadable | PassedOver]:
    try:
        path = local_path(given)
    except TickmartError as error:
        yield Unreadable(printable(str(given)), printable(str(given)), error, exists=False)
        return
    try:
        path.stat()
    except OSError as error:
        is_link = os.path.islink(path)
        matches = [] if is_link else _matching(path)
        if not matches:
            yield _unreadable(path, _why(error, path), exists=is_link)
    else:
        matches = [path]
    for match in matches:
        yield from _at(match, suffixes)


def _matching(pattern: Path) -> list[Path]:
    """Return what a pattern matches: as in a shell, names with a leading dot only where it has one."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts))
    if fixed == len(parts):
        return []
    folder, rest = Path(*parts[:fixed]), parts[fixed:]
    says_dot = any(part.startswith(".") for part in rest)
    try:
        # not glob.glob, whose ** follows links to folders, round and round
        found = [*folder.glob("/".join(rest))]
    except ValueError:
        return []
    shown = (
        match
        for match in found
        if says_dot or not any(part.startswith(".") for part in match.parts[len(folder.parts) :])
    )
    return sorted(shown, key=natural_order)


def _at(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path | Unreadable | PassedOver]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield _unreadable(path, _why(error, path))
        return
    if stat.S_ISDIR(mode):
        yield from _in_folder(path, suffixes)
    elif stat.S_ISREG(mode):
        yield _real(path)
    else:
        yield _unreadable(path, f"it is {_kind(mode)}, not a file")


def _in_folder(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path | Unreadable | PassedOver]:
    troubles: list[OSError] = []
    files: list[Path] = []
    passed_over: dict[Path, str] = {}
    for parent, folders, names in os.walk(folder, onerror=troubles.append):
        whys = {name: _why_not_searched(Path(parent, name)) for name in folders}
        passed_over |= {Path(parent, name): why for name, why in whys.items() if why}
        folders[:] = [name for name, why in whys.items() if why is None]
        for name in names:
            if (why := why_no_data(name, suffixes)) is not None:
                passed_over[Path(parent, name)] = why
            else:
                files.append(Path(parent, name))
    for trouble in troubles:
        path = Path(trouble.filename or folder)
        yield _unreadable(path, _why(trouble, path))
    if not files and not troubles:
        yield _unreadable(folder, f"the folder holds no data file ({', '.join(suffixes)})")
    for path in sorted([*files, *passed_over], key=natural_order):
        if path in passed_over:
            yield PassedOver(_uri_of_entry(path), printable(str(path)), passed_over[path])
        else:
            yield from _at(path, suffixes)


def _why_not_searched(folder: Path) -> str | None:
    if folder.name.startswith(".") or folder.name == "__MACOSX":
        return "hidden"
    if folder.is_symlink():
        return "a link to a folder, which is not followed; name it to have it searched"
    return None


def _uri_of_entry(path: Path) -> str:
    # a link that is passed over is not what it leads to
    return (_real(path.parent) / path.name).as_uri()


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


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
        # of two such numbers the longer is the greater; int() refuses numbers of thousands of digits
        (0, len(digits := part.lstrip("0")), digits) if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", str(path))
        if part
    ]


def data_files(path: Path, suffixes: tuple[str, ...]) -> Iterator[DataFile | Unreadable | PassedOver]:
    """Yield what a file holds: itself, or the members of an archive, archives within it included.

    Each is valid until the next is asked for.

    Parameters
    ----------
    path : Path
        An existing file. Its first bytes decide what it is, not its name.
    suffixes : tuple of str
        Which members of an archive count as data.
    """
    uri, name = path.as_uri(), printable(path.name)
    try:
        with _regular_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            is_archive = _first(file) == "zip"
        if not is_archive:
            yield DataFile(uri, name, size, partial(_open_plain, path))
            return
        with _regular_file(path) as file:
            yield from _members(file, uri, name, suffixes, depth=1)
    except OSError as error:
        yield Unreadable(uri, name, TickmartError(f"cannot read {path}: {_why(error, path)}"))


def _members(
    file: IO[bytes], uri: str, name: str, suffixes: tuple[str, ...], depth: int
) -> Iterator[DataFile | Unreadable | PassedOver]:
    try:
        if depth > _DEEPEST:
            raise _too_deep(name)
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        yield Unreadable(uri, name, damaged(name, error))
        return
    except TickmartError as error:
        yield Unreadable(uri, name, error)
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
            member_uri = f"{uri}!{_quoted(member.filename)}{repeat}"
            yield from _member(archive, member, member_uri, name, suffixes, depth)


def _member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    uri: str,
    archive_name: str,
    suffixes: tuple[str, ...],
    depth: int,
) -> Iterator[DataFile | Unreadable | PassedOver]:
    own_name = printable(member.filename)
    name = own_name if archive_name == f"{own_name}.zip" else f"{archive_name}!{own_name}"
    if (why := why_no_data(member.filename, suffixes)) is not None:
        yield PassedOver(uri, name, why)
    elif member.flag_bits & 1:
        error = TickmartError(f"{name} is encrypted; unpack it with its password and load the files")
        yield Unreadable(uri, name, error)
    elif member.filename.lower().endswith(".zip"):
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as inner:
            try:
                with archive.open(member) as packed:
                    shutil.copyfileobj(_Unpacked(packed, name, lambda: member.compress_size), inner, 1 << 20)
            except DAMAGE as error:
                yield Unreadable(uri, name, damaged(name, error))
                return
            except TickmartError as error:
                yield Unreadable(uri, name, error)
                return
            yield from _members(inner, uri, name, suffixes, depth + 1)
    else:
        yield DataFile(uri, name, member.compress_size, partial(_open_member, archive, member, name, depth))


@contextmanager
def _regular_file(path: Path, buffering: int = -1) -> Iterator[IO[bytes]]:
    """Open a file for reading; do not wait for one that has become a pipe or a device since it was listed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=buffering) as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(None, f"it is {_kind(mode)}, not a file")
        yield file


@contextmanager
def _open_plain(path: Path, on_read: Callable[[int], None]) -> Iterator[Stream]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_regular_file(path, buffering=0))
        except OSError as error:
            raise TickmartError(f"cannot read {path}: {_why(error, path)}") from error
        whole = _Unchanging(file, path.name)
        yield _decompressed(Stream(whole, on_read), path.name, lambda: whole.taken)


@contextmanager
def _open_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    depth: int,
    on_read: Callable[[int], None],
) -> Iterator[Stream]:
    try:
        file = archive.open(member)
    except DAMAGE as error:
        raise damaged(name, error) from error
    share = member.compress_size / max(member.file_size, 1)
    with file:
        unpacked = _Unpacked(file, name, lambda: member.compress_size)
        stream = Stream(unpacked, lambda n: on_read(int(n * share)))
        yield _decompressed(stream, name, lambda: member.compress_size, depth)


class _Unchanging:
    """A file on disk, up to the size it had when it was opened; a file that changes meanwhile is an error.

    The last line of such a file may stop within a number, and a file that somebody still writes to may never
    end.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._before = os.fstat(file.fileno())
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        left = self._before.st_size - self.taken
        data = self._file.read(left if size < 0 else min(size, left))
        self.taken += len(data)
        if not data or len(data) == left:
            now = os.fstat(self._file.fileno())
            if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
                raise TickmartError(
                    f"{self._name} changed while it was read; load it again when nobody writes to it"
                )
        return data


class _Unpacked:
    """What comes out of something packed; an error where it is so much that it was made to fill a machine."""

    def __init__(self, stream: Readable, name: str, packed: Callable[[], int]) -> None:
        self._stream = stream
        self._name = name
        self._packed = packed
        self._plain = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._plain += len(data)
        if self._plain > _LARGE and self._plain > _MOST_SWELLING * self._packed():
            raise TickmartError(
                f"{self._name} unpacks to over {_MOST_SWELLING} times its size and {_LARGE:,} bytes, as no"
                " market data does; unpack it first if you trust it"
            )
        return data


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


def _decompressed(stream: Stream, name: str, packed: Callable[[], int], depth: int = 0) -> Stream:
    kind = _first(stream)
    if kind is None:
        return stream
    if depth >= _DEEPEST:
        raise _too_deep(name)
    match kind:
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
    return _decompressed(Stream(_Unpacked(inner, name, packed)), name, packed, depth + 1)


def _too_deep(name: str) -> TickmartError:
    return TickmartError(f"{name} is packed more than {_DEEPEST} times over; unpack it first")


# A block of zstandard has 128 KiB and may be packed in 4 bytes, so only this many bytes are unpacked at once.
_PACKED_AT_ONCE = 1 << 10
_AT_ONCE = 1 << 17


class _Zst:
    """Zstandard frames one after another; unlike for the library's reader, a cut last one is an error."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._frame: Any = None
        self._packed = b""
        self._plain = b""
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, at least one before the end, and b"" at the end."""
        if self._at == len(self._plain):
            pieces: list[bytes] = []
            while sum(map(len, pieces)) < _AT_ONCE and (piece := self._piece()):
                pieces.append(piece)
            self._plain, self._at = b"".join(pieces), 0
        end = len(self._plain) if size < 0 else min(self._at + size, len(self._plain))
        data, self._at = self._plain[self._at : end], end
        return data

    def _piece(self) -> bytes:
        while True:
            if not self._packed:
                self._packed = self._stream.read(_PACKED_AT_ONCE)
                if not self._packed:
                    if self._frame is not None:
                        raise EOFError("the last frame is cut")
                    return b""
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            plain: bytes = self._frame.decompress(self._packed)
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
            if plain:
                return plain


def damaged(name: str, error: BaseException) -> TickmartError:
    """Return the error for an archive that cannot be read to its end."""
    if isinstance(error, NotImplementedError):
        return TickmartError(f"{name} is packed in a way that cannot be read here ({error}); unpack it first")
    return TickmartError(f"{name} is cut or damaged ({error}); fetch it again")


def _unreadable(path: Path, why: str, exists: bool = True) -> Unreadable:
    return Unreadable(uri_of(path), printable(str(path)), TickmartError(f"cannot read {path}: {why}"), exists)


def _why(error: OSError, path: Path) -> str:
    match error:
        case FileNotFoundError() if path.is_symlink():
            return f"the link leads to {os.readlink(path)}, where nothing is"
        case FileNotFoundError():
            return "there is no such file or folder"
        case PermissionError():
            return f"no permission; let user id {os.geteuid()} read it"
        case _:
            return error.strerror or str(error)


def _ignore(_: int) -> None:
    return None
