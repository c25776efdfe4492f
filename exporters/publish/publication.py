"""One export on its way out: what it puts is staged, and becomes visible by one write of the manifest."""

import hashlib
from collections import deque
from collections.abc import Buffer, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from exporters.publish.generations import STAGING, new_generation, staged_name
from exporters.publish.manifest import Manifest, PublishedFile, check_partition, check_path
from exporters.publish.placing import commit, recover
from exporters.publish.stores import Store
from warehouse.errors import TickmartError

MOST_PENDING = 64  # files being encoded and written at one moment; bounds memory


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
        Where the files go.
    exporter : str
        The exporter's name, as after `tickmart export`.
    check_lock : callable
        Raises where this export also runs under a lock other than the store's, and no longer holds it.

    Notes
    -----
    Use as a context manager; nothing changes for readers until `commit`.
    """

    def __init__(self, store: Store, exporter: str, check_lock: Callable[[], None] = lambda: None) -> None:
        self.store = store
        self.exporter = exporter
        self._check_lock = check_lock
        self.scope: set[tuple[str, str]] = set()
        self.previous = Manifest()
        self.put_files: dict[str, PublishedFile] = {}
        self._version: str | None = None
        self._generation = new_generation()
        self._staged: set[str] = set()
        self._staging = Lock()
        self._pool = ThreadPoolExecutor(store.threads, thread_name_prefix="publish")
        self._put_paths: set[str] = set()
        self._pending: deque[Future[None]] = deque()
        self._lock: AbstractContextManager[None] | None = None
        self._may_be_committed = False

    def __enter__(self) -> "Publication":
        self._lock = self.store.lock()
        self._lock.__enter__()
        try:
            self.previous, self._version = recover(self.store, self._check_lock)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._pool.shutdown(cancel_futures=True)
            # once a commit was tried, even one that failed but may have arrived, they belong to the manifest
            if self._staged and not self._may_be_committed:
                with suppress(TickmartError):  # the export's own error counts; a later export clears
                    self.store.clear(f"{STAGING}/{self._generation}")
        finally:
            assert self._lock is not None
            self._lock.__exit__(None, None, None)

    def claim(self, underlying: str, partition: str) -> None:
        """Say that this export writes all that an underlying has in a partition.

        Files of the same exporter within what is claimed are removed at the commit unless they are put
        again; everything else stays.
        """
        self.scope.add((underlying, check_partition(partition)))

    def put(
        self,
        path: str,
        make: Callable[[], Buffer],
        *,
        rows: int,
        underlying: str | None = None,
        partition: str | None = None,
        instrument: str | None = None,
        volume: int | float | None = None,
    ) -> None:
        """Add a file to the export; it is staged only when its bytes differ from what is there.

        Parameters
        ----------
        path : str
            Relative to the destination.
        make : callable
            Returns the whole file; called in another thread, so that encoding and writing go on while the
            next rows are read. It is held in memory as a whole: a few MB where there are many.
        rows : int
            Rows of market data in it, for the manifest.
        """
        try:
            check_path(path)
        except ValueError as error:
            raise TickmartError(
                f"{error}: a symbol in the marts makes no file name. Export other underlyings (--underlying)."
            ) from error
        if path in self._put_paths:
            raise TickmartError(
                f"two instruments of this export have the file {path}. Export them to two destinations"
                " (--underlying)."
            )
        self._put_paths.add(path)
        about = PublishedFile(
            path,
            0,
            "",
            rows,
            self.exporter,
            underlying,
            instrument=instrument,
            volume=volume,
            partition=partition,
        )
        self._pending.append(self._pool.submit(self._put, about, make))
        while len(self._pending) > MOST_PENDING:
            self._pending.popleft().result()

    def _put(self, about: PublishedFile, make: Callable[[], Buffer]) -> None:
        data = make()
        view = memoryview(data)
        file = replace(about, bytes=view.nbytes, sha256=hashlib.sha256(view).hexdigest())
        held = self.previous.files.get(file.path)
        if (
            held is None
            or held.sha256 != file.sha256
            or self.store.checksum(file.path) != file.sha256  # damaged since
        ):
            file = replace(file, stored_at=staged_name(self._generation, file.sha256))
            self._stage(file, data)
        self.put_files[file.path] = file

    def _stage(self, file: PublishedFile, data: Buffer) -> None:
        assert file.stored_at is not None
        with self._staging:
            if file.stored_at in self._staged:  # another file with the same bytes
                return
            self._staged.add(file.stored_at)
        self.store.write(file.stored_at, data, file.sha256)

    def settle(self) -> None:
        """Wait until all that was put is staged."""
        while self._pending:
            self._pending.popleft().result()

    def drop(self, underlying: str) -> None:
        """Forget the files put for an underlying, for an exporter that must write them again."""
        self.settle()
        for path in [path for path, file in self.put_files.items() if file.underlying == underlying]:
            del self.put_files[path]
            self._put_paths.discard(path)

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
        staged = [file for file in self.put_files.values() if file.stored_at is not None]
        exporters = {**self.previous.exporters, self.exporter: about}
        if (
            (kept, exporters) != (self.previous.files, self.previous.exporters)
            or self.previous.generation is None  # written by an earlier tickmart, or not at all
        ):
            self.store.secure()
            manifest = Manifest(
                exporters,
                kept,
                self._generation,
                tuple(sorted(removed)),
                datetime.now(UTC).replace(microsecond=0),
            )
            self._may_be_committed = True
            self.previous, self._version = commit(self.store, manifest, self._version, self._check_lock)
        return Outcome(
            len(staged), len(self.put_files) - len(staged), len(removed), sum(file.bytes for file in staged)
        )

    def _merge(self) -> tuple[dict[str, PublishedFile], set[str]]:
        kept = {
            path: file
            for path, file in self.previous.files.items()
            if not (file.exporter == self.exporter and (file.underlying, file.partition) in self.scope)
        }
        kept.update(self.put_files)
        dated = {(file.exporter, file.instrument) for file in kept.values() if file.partition is not None}
        kept = {
            path: file
            for path, file in kept.items()
            if file.partition is not None
            or file.instrument is None
            or (file.exporter, file.instrument) in dated
        }
        for path in [path for path in self.put_files if path not in kept]:
            del self.put_files[path]
        return kept, set(self.previous.files) - set(kept)
