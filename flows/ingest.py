"""Land what lies in an inbox."""

from pathlib import Path

from prefect import get_run_logger, task

from loaders.landing import Listener, Outcome, Report, land
from loaders.registry import SOURCES
from warehouse.errors import TickmartError

INBOX = Path("inbox")


def default_inbox() -> dict[str, list[str]]:
    """Return the folders `inbox/<source>` that hold something, by source.

    Raises
    ------
    TickmartError
        There is none.
    """
    folders = {name: INBOX / name for name in SOURCES}
    found = {name: [str(f)] for name, f in folders.items() if f.is_dir() and any(f.iterdir())}
    if not found:
        raise TickmartError(
            f"nothing to load: {INBOX.absolute()} has no files in a folder {' or '.join(SOURCES)}."
            " Put vendor files there, or say where they are"
        )
    return found


@task(task_run_name="ingest {source}")
def ingest(source: str, paths: list[str]) -> Report:
    """Land the files of a source; what is there already is left alone, what changed is a restatement.

    Parameters
    ----------
    source : str
        As after `tickmart load`.
    paths : list of str
        Files, folders and patterns.

    Returns
    -------
    Report
        What became of each file. One that failed is in it and stops no other.
    """
    return land(source, paths, listener=_Logged())


class _Logged(Listener):
    def __init__(self) -> None:
        self._log = get_run_logger()

    def waits(self, for_what: str) -> None:
        self._log.info("waiting: %s", for_what)

    def ends(self, outcome: Outcome) -> None:
        if outcome.status == "failed":
            self._log.error("%s failed: %s", outcome.name, outcome.error)
        elif outcome.status in ("loaded", "empty"):
            self._log.info(
                "%s: load %s, %s rows, %s rejected",
                outcome.name,
                outcome.load_id,
                f"{outcome.rows:,}",
                f"{outcome.rejected:,}",
            )
