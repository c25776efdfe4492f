"""The vendors' own bytes, kept as files."""

import os
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from loaders.fetching.pages import Page, stamp
from warehouse.errors import TickmartError
from warehouse.settings import settings


def keep(page: Page, asked_at: datetime, suffix: str, answer: bytes) -> str:
    """Write an answer where there is none yet, whole or not at all.

    Returns
    -------
    str
        Path below the archive's folder: the source, the month of the page, then the page and when it was
        asked for, such as `acme/2025-11/INFY_1-minute_20251103T000000Z_20251104T101500000000Z.json`.

    Raises
    ------
    TickmartError
        It cannot be written.
    """
    parts = (quote(page.symbol, safe=""), page.interval, stamp(page.start), f"{asked_at:%Y%m%dT%H%M%S%fZ}")
    name = f"{page.source}/{page.start:%Y-%m}/{'_'.join(parts)}{suffix}"
    path = settings().archive_folder / name
    try:
        _write(path, answer)
    except OSError as error:
        raise TickmartError(
            f"cannot keep an answer of {page.source} at {path}: {error.strerror or error}. Free space,"
            " correct its permissions, or name another folder in TICKMART_ARCHIVE_FOLDER"
        ) from error
    return name


def _write(path: Path, answer: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # hidden until it is whole; what a killed run leaves does not have the name of an answer
    arriving = path.with_name(f".{path.name}.{os.getpid()}")
    with arriving.open("xb") as file:
        file.write(answer)
        file.flush()
        os.fsync(file.fileno())
    arriving.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
