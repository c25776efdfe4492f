"""Land what lies in an inbox."""

from datetime import date
from pathlib import Path

from prefect import get_run_logger, task

from loaders.landing import Listener, Outcome, Report, land
from loaders.landing.files import uri_of
from loaders.sources import SOURCES
from warehouse.errors import TickmartError
from warehouse.paths import local_path, printable

INBOX = Path("inbox")


def default_inbox() -> dict[str, list[str]]:
    """Return the folders `inbox/<source>` that hold something, by source.

    Raises
    ------
    TickmartError
        There is none.
    """
    folders = {name: INBOX / name for name in SOURCES}
    found = {name: [str(f)] for name, f in folders.items() if _holds_something(f)}
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
        Files, folders and patterns; for a source whose rows carry no date, folders named for the day.

    Returns
    -------
    Report
        What became of each file. One that failed is in it and stops no other.

    Raises
    ------
    TickmartError
        The database cannot be reached, or the source is unknown.
    """
    if not SOURCES.named(source).undated:
        return land(source, paths, listener=_Logged())
    report, log = Report(), _Logged()
    folders, misplaced = folders_by_day(paths)
    for day, folder in folders:
        report.outcomes.extend(land(source, [folder], as_of=day, listener=log).outcomes)
    for path in misplaced:
        error = (
            f"files of {source} do not say of which day they are: put each in a folder named YYYY-MM-DD,"
            f" such as {path.parent / '2025-10-08'}; found {path}"
        )
        outcome = Outcome(uri_of(path), printable(path.name), "failed", error=printable(error))
        log.ends(outcome)
        report.outcomes.append(outcome)
    return report


def folders_by_day(paths: list[str]) -> tuple[list[tuple[date, Path]], list[Path]]:
    """Find the folders that are named for a day; whoever fetches a list each day keeps it in such a folder.

    Parameters
    ----------
    paths : list of str
        Such folders, or folders that hold them.

    Returns
    -------
    folders : list of (date, Path)
    misplaced : list of Path
        What lies beside them, so that nobody knows which day it is of; hidden names are left out.
    """
    given = [local_path(path) for path in paths]
    found = [f for path in given for f in ([path] if _day(path) else sorted(path.glob("[!.]*")) or [path])]
    folders = [(day, folder) for folder in found if (day := _day(folder)) and folder.is_dir()]
    placed = {folder for _, folder in folders}
    return folders, [path for path in found if path not in placed]


def _holds_something(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.iterdir())
    except OSError:
        return True  # loading it will say what is wrong with it


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
        elif outcome.status == "skipped":
            self._log.warning("%s: skipped, %s", outcome.name, outcome.error)
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
