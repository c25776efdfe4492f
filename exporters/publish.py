"""The one way out: every exporter hands its files to a `Publication`, which puts them in a folder or bucket.

Files are staged, then a journal names what is about to change, then files take their final names, and
`manifest.json` is written last. The journal is the point of commit: an export killed before it left
everything as it was, one killed after it is completed by the next export to the same place. A reader that
follows the manifest and checks its sha256 never takes half an export for a whole one.
"""

import fcntl
import hashlib
import importlib.metadata
import io
import itertools
import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Buffer, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

from warehouse.errors import TickmartError
from warehouse.paths import local_path
from warehouse.settings import PROJECT_FOLDER

MANIFEST = "manifest.json"
STAGING = ".staging"
STAGED_FILES = f"{STAGING}/files"
JOURNAL = f"{STAGING}/commit.json"
MANIFEST_VERSION = 1
MOST_PENDING = 64  # files being encoded and written at one moment; bounds memory


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, the slice in which every exporter writes and replaces its files."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a day."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month that `str` gave."""
        year, month = text.split("-")
        return cls(int(year), int(month))

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def following(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of an export, as the manifest lists it.

    Attributes
    ----------
    path : str
        Relative to the destination, with forward slashes.
    month : str or None
        `2025-03`; None for files without a period (definitions of instruments, `feeds.py`).
    instrument : str or None
        What the file is about; a file without a month goes when the last dated file of its instrument goes.
    volume : int or None
        Units traded in the file's bars, for choosing a liquid contract without opening every file.
    """

    path: str
    bytes: int
    sha256: str
    rows: int
    exporter: str
    underlying: str | None = None
    month: str | None = None
    instrument: str | None = None
    volume: int | None = None


class Store(Protocol):
    """A place that holds files by name: a folder, or a prefix of a bucket."""

    uri: str
    threads: int  # files worth putting at the same time

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        ...

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Put a file in one step: readers see the old bytes or the new, never a part."""
        ...

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there, None where nothing is."""
        ...

    def move(self, moves: Iterable[tuple[str, str]]) -> None:
        """Give staged files their final names; a file that was moved already is left alone."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        ...

    def clear(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        ...

    def stage(self, name: str, data: Buffer, sha256: str, staged_name: str) -> bool:
        """Put a file aside under a staged name, unless its final name already holds these bytes.

        Returns
        -------
        bool
            True when it was staged. Called from several threads at once.
        """
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Keep a second export to the same place out."""
        ...


class Folder:
    """A local folder as a store.

    Parameters
    ----------
    path : Path
        Made when it does not exist.
    """

    threads = 2

    def __init__(self, path: Path) -> None:
        self.path = local_path(path).absolute()
        self.uri = self._root = str(self.path)
        if os.path.exists(self.path) and not self.path.is_dir():
            raise TickmartError(f"{self.path} is a file; an export needs a folder or an s3:// address.")

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: Buffer, sha256: str) -> None:
        """Put a file in one step."""
        target = f"{self._root}/{name}"
        temporary = f"{target}.part"
        try:
            with _opened_for_writing(temporary) as file:
                file.write(data)
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except OSError as error:
            raise TickmartError(
                f"cannot write {target}: {error.strerror}. Free space or choose another folder."
            ) from error

    def checksum(self, name: str) -> str | None:
        """Return the sha256 of what is really there."""
        try:
            with (self.path / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def stage(self, name: str, data: Buffer, sha256: str, staged_name: str) -> bool:
        """Put a file aside unless its final name already holds these bytes."""
        staged = f"{self._root}/{staged_name}"
        try:
            if (
                os.stat(f"{self._root}/{name}").st_size == memoryview(data).nbytes
                and self.checksum(name) == sha256
            ):
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass
        try:
            with _opened_for_writing(staged) as file:
                file.write(data)
        except OSError as error:
            raise TickmartError(
                f"cannot write {staged}: {error.strerror}. Free space or choose another folder."
            ) from error
        return True

    def move(self, moves: Iterable[tuple[str, str]]) -> None:
        """Give staged files their final names."""
        for staged_name, name in moves:
            # plain strings: thousands of small files make path objects a visible part of an export's time
            staged, target = f"{self._root}/{staged_name}", f"{self._root}/{name}"
            try:
                os.replace(staged, target)
            except FileNotFoundError:
                if os.path.exists(staged):
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    os.replace(staged, target)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders that are empty then."""
        for name in names:
            target = self.path / name
            target.unlink(missing_ok=True)
            for folder in target.parents:
                if folder == self.path or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()

    def clear(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        shutil.rmtree(self.path / prefix, ignore_errors=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold `<folder>/.lock`; the system lets go of it when the process dies, however it dies."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / ".lock").open("w")
        except OSError as error:
            raise TickmartError(f"cannot write to {self.path}: {error.strerror}.") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TickmartError(
                    f"another export is writing to {self.path}. Wait for it, or export to another folder."
                ) from None
            yield


def _opened_for_writing(path: str) -> io.FileIO:
    try:
        return io.FileIO(path, "wb")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return io.FileIO(path, "wb")


def open_store(destination: str | Path) -> Store:
    """Return the store behind a destination.

    Parameters
    ----------
    destination : str or Path
        A folder, or `s3://bucket/prefix`.
    """
    text = str(destination)
    if text.startswith("s3://"):
        from exporters.s3 import Bucket

        return Bucket(text)
    if "://" in text or text.lower().startswith("s3:"):
        raise TickmartError(f"{text}: exports go to a folder or to s3://bucket/prefix.")
    return Folder(local_path(text))


@dataclass(slots=True)
class Manifest:
    """What `manifest.json` says about a destination.

    Attributes
    ----------
    exporters : dict
        Per exporter: `catalog_format`, `written_by` (versions), `covered` (underlying → month → first and
        last session asked for and the version of the data) and what else the exporter keeps for its next run.
    files : dict of str to PublishedFile
        By path.
    """

    exporters: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, PublishedFile] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes, uri: str) -> "Manifest":
        """Read a manifest; `uri` is named where it is none."""
        try:
            content = json.loads(text)
            if content["manifest_version"] != MANIFEST_VERSION:
                raise TickmartError(
                    f"{uri}/{MANIFEST} has version {content['manifest_version']}; this tickmart reads"
                    f" {MANIFEST_VERSION}. Export to an empty place."
                )
            files = [PublishedFile(**entry) for entry in content["files"]]
            return cls(content["exporters"], {file.path: file for file in files})
        except (ValueError, KeyError, TypeError) as error:
            raise TickmartError(
                f"{uri}/{MANIFEST} is not a manifest of tickmart ({error}). Export to an empty place."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON writes it."""
        return {
            "manifest_version": MANIFEST_VERSION,
            "exporters": self.exporters,
            "files": [asdict(self.files[path]) for path in sorted(self.files)],
        }

    def covered(self, exporter: str, underlying: str) -> dict[str, dict[str, str]]:
        """Return, per month, the sessions that this exporter was last asked for."""
        found: dict[str, dict[str, str]] = (
            self.exporters.get(exporter, {}).get("covered", {}).get(underlying, {})
        )
        return found


def read_manifest(store: Store) -> Manifest | None:
    """Return the manifest of a destination, None where nothing was exported yet."""
    text = store.read(MANIFEST)
    return None if text is None else Manifest.parse(text, store.uri)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many files a publication wrote, found unchanged and removed, and the bytes it wrote."""

    written: int
    unchanged: int
    removed: int
    bytes_written: int


class Publication:
    """One export on its way out.

    Parameters
    ----------
    store : Store
        Where to.
    exporter : str
        The exporter's name, as in the registry.

    Notes
    -----
    Use as a context manager; nothing changes for readers until `commit`.
    """

    def __init__(self, store: Store, exporter: str) -> None:
        self.store = store
        self.exporter = exporter
        self.scope: set[tuple[str, str]] = set()
        self.previous = Manifest()
        self.put_files: dict[str, PublishedFile] = {}
        self._staged: dict[str, str] = {}
        self._names = itertools.count()
        self._pool = ThreadPoolExecutor(store.threads, thread_name_prefix="publish")
        self._pending: deque[Future[None]] = deque()
        self._lock: AbstractContextManager[None] | None = None
        self._is_committing = False

    def __enter__(self) -> "Publication":
        self._lock = self.store.lock()
        self._lock.__enter__()
        try:
            recover(self.store)
            self.previous = read_manifest(self.store) or Manifest()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._pool.shutdown(cancel_futures=True)
            # once the journal is written the staged files belong to it
            if not self._is_committing:
                self.store.clear(STAGING)
        finally:
            assert self._lock is not None
            self._lock.__exit__(None, None, None)

    def claim(self, underlying: str, month: Month) -> None:
        """Say that this export writes all of an underlying's month.

        Files of the same exporter within what is claimed are removed at the commit unless they are put
        again; everything else stays.
        """
        self.scope.add((underlying, str(month)))

    def put(
        self,
        path: str,
        make: Callable[[], Buffer],
        *,
        rows: int,
        underlying: str | None = None,
        month: Month | None = None,
        instrument: str | None = None,
        volume: int | None = None,
    ) -> None:
        """Add a file to the export; it is staged only when its bytes differ from what is there.

        Parameters
        ----------
        path : str
            Relative to the destination.
        make : callable
            Returns the whole file; called in another thread, so that encoding and writing go on while the
            next rows are read. Exporters write one file per instrument and month, a few MB at most.
        rows : int
            Rows of market data in it, for the manifest.
        """
        about = PublishedFile(
            path,
            0,
            "",
            rows,
            self.exporter,
            underlying,
            None if month is None else str(month),
            instrument,
            volume,
        )
        self._pending.append(self._pool.submit(self._put, about, make))
        while len(self._pending) > MOST_PENDING:
            self._pending.popleft().result()

    def _put(self, about: PublishedFile, make: Callable[[], Buffer]) -> None:
        data = make()
        view = memoryview(data)
        sha256 = hashlib.sha256(view).hexdigest()
        staged_name = f"{STAGED_FILES}/{next(self._names):08}"
        if self.store.stage(about.path, data, sha256, staged_name):
            self._staged[about.path] = staged_name
        self.put_files[about.path] = replace(about, bytes=view.nbytes, sha256=sha256)

    def settle(self) -> None:
        """Wait until all that was put is staged."""
        while self._pending:
            self._pending.popleft().result()

    def drop(self, underlying: str) -> None:
        """Forget the files put for an underlying, for an exporter that must write them again."""
        self.settle()
        for path in [path for path, file in self.put_files.items() if file.underlying == underlying]:
            del self.put_files[path]
            self._staged.pop(path, None)

    def commit(self, about: dict[str, Any]) -> Outcome:
        """Make the export visible.

        Parameters
        ----------
        about : dict
            What the manifest keeps for this exporter (`Manifest.exporters`).

        Returns
        -------
        Outcome
            Nothing is written, not even the manifest, when every file and `about` are as they were.
        """
        self.settle()
        kept, removed = self._merge()
        staged = {path: staged_name for path, staged_name in self._staged.items() if path in self.put_files}
        manifest = Manifest({**self.previous.exporters, self.exporter: about}, kept)
        content = manifest.to_dict()
        if staged or removed or content != self.previous.to_dict():
            content["updated_at"] = datetime.now(UTC).isoformat(timespec="seconds")
            journal = {
                "move": [[staged[path], path] for path in sorted(staged)],
                "remove": sorted(removed),
                "manifest": content,
            }
            self._is_committing = True
            _write_json(self.store, JOURNAL, journal)
            _complete(self.store, journal)
            self._is_committing = False
        return Outcome(
            len(staged), len(self.put_files) - len(staged), len(removed),
            sum(self.put_files[path].bytes for path in staged),
        )  # fmt: skip

    def _merge(self) -> tuple[dict[str, PublishedFile], set[str]]:
        kept = {
            path: file
            for path, file in self.previous.files.items()
            if not (file.exporter == self.exporter and (file.underlying, file.month) in self.scope)
        }
        kept.update(self.put_files)
        dated = {(file.exporter, file.instrument) for file in kept.values() if file.month is not None}
        kept = {
            path: file
            for path, file in kept.items()
            if file.month is not None or file.instrument is None or (file.exporter, file.instrument) in dated
        }
        for path in [path for path in self.put_files if path not in kept]:
            del self.put_files[path]
        return kept, set(self.previous.files) - set(kept)


def recover(store: Store) -> bool:
    """Complete an export that was killed between its commit and its last file, or clear what it had staged.

    Returns
    -------
    bool
        True when an interrupted export was completed.
    """
    text = store.read(JOURNAL)
    if text is None:
        store.clear(STAGING)
        return False
    _complete(store, json.loads(text))
    return True


def _complete(store: Store, journal: dict[str, Any]) -> None:
    store.move([(staged, name) for staged, name in journal["move"]])
    store.remove(journal["remove"])
    _write_json(store, MANIFEST, journal["manifest"])
    store.clear(STAGING)


def _write_json(store: Store, name: str, content: dict[str, Any]) -> None:
    data = json.dumps(content, indent=1).encode()
    store.write(name, data, hashlib.sha256(data).hexdigest())


def check_manifest(store: Store) -> list[str]:
    """Name the files whose bytes are not those that the manifest lists.

    Returns
    -------
    list of str
        Paths that are missing or differ; empty for a whole export.
    """
    manifest = read_manifest(store)
    if manifest is None:
        raise TickmartError(f"{store.uri} has no {MANIFEST}: nothing was exported there.")
    return [path for path, file in manifest.files.items() if store.checksum(path) != file.sha256]


def versions() -> dict[str, str | None]:
    """Return what wrote an export: versions of tickmart, its git commit, and dbt."""
    return {
        "tickmart": importlib.metadata.version("tickmart"),
        "git": _git_commit(),
        "dbt": _dbt_version(),
    }


def _git_commit() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(PROJECT_FOLDER), "rev-parse", "HEAD"],  # noqa: S607 git is where PATH says
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _dbt_version() -> str | None:
    # the manifest of the last build says which dbt really built the marts
    try:
        with (PROJECT_FOLDER / "target" / "manifest.json").open() as file:
            head = file.read(2000)
        start = head.index('"dbt_version"')
        return head[start:].split('"')[3]
    except (OSError, ValueError, IndexError):
        pass
    try:
        return importlib.metadata.version("dbt-core")
    except importlib.metadata.PackageNotFoundError:
        return None
