"""Land what lies in an inbox."""

from datetime import date
from pathlib import Path

from prefect import get_run_logger, task

from loaders.landing import Listener, Outcome, Report, land
from loaders.registry import SOURCES, source_named
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
        Files, folders and patterns; of a source whose rows carry no date folders named for the day.

    Returns
    -------
    Report
        What became of each file. One that failed is in it and stops no other.

    Raises
    ------
    TickmartError
        Files without a date lie in no folder named for their day.
    """
    if not source_named(source).undated:
        return land(source, paths, listener=_Logged())
    report = Report()
    for day, folder in _folders_by_day(source, paths):
        report.outcomes.extend(land(source, [folder], as_of=day, listener=_Logged()).outcomes)
    return report


def _folders_by_day(source: str, paths: list[str]) -> list[tuple[date, Path]]:
    """Return the folders that are named for a day; whoever fetches a list each day keeps it in such a one."""
    given = [Path(path) for path in paths]
    folders = [f for path in given for f in ([path] if _day(path) else sorted(path.glob("[!.]*")) or [path])]
    misplaced = [str(folder) for folder in folders if not (_day(folder) and folder.is_dir())]
    if misplaced:
        raise TickmartError(
            f"files of {source} do not say of which day they are: put each in a folder named YYYY-MM-DD,"
            f" such as {given[0] / '2025-10-08'}; found {', '.join(misplaced[:3])}"
        )
    return [(day, folder) for folder in folders if (day := _day(folder))]


def _day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return None


class _Logged(Listener):
    def __init__(self) -> None:
        self._log = get_run_logger()

    def waits(self, for_what: str) -> None:
        self._log.info("waiting: %s", for_what)

    def ends(self, outcome: Outcome) -> None:
        if outcome.status == "failed":
            self._log.error("%s failed: %s", outcome.name, outcome.error)
        elif outcome.fits_nowhere:
            self._log.error("%s: none of its %s lines fits its header", outcome.name, outcome.rejected)
        elif outcome.status in ("loaded", "empty"):
            self._log.info(
                "%s: load %s, %s rows, %s rejected",
                outcome.name,
                outcome.load_id,
                f"{outcome.rows:,}",
                f"{outcome.rejected:,}",
            )
