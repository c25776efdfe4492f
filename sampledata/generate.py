"""Write invented sessions as vendor files: the same bytes for the same arguments, on every machine."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sampledata import bhavcopy, gfdl
from sampledata.contracts import UNDERLYINGS, sessions_from
from sampledata.market import Carried, IndexDay, simulate_chains, simulate_index
from warehouse.errors import TickmartError

# A Monday; the Thursday of its week is an expiry and its Friday a holiday.
DEFAULT_START = date(2025, 8, 11)
MINUTE_FOLDER = "nse-minute"
BHAVCOPY_FOLDER = "nse-bhavcopy"


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written.

    Attributes
    ----------
    path : Path
    kind : str
        `options`, `futures`, `index` or `bhavcopy`.
    session : date
    rows : int
        Without the header.
    """

    path: Path
    kind: str
    session: date
    rows: int


def write_sample(
    folder: Path,
    *,
    days: int = 1,
    rows: int | None = None,
    start: date = DEFAULT_START,
    underlyings: Sequence[str] = ("NIFTY",),
    strikes: int = 41,
    expiries: int = 4,
    seed: int = 7,
    with_bhavcopy: bool = True,
    on_file: Callable[[WrittenFile], None] = lambda file: None,
) -> list[WrittenFile]:
    """Write sessions of option, future and index bars, and the exchange's end-of-day file that fits them.

    Parameters
    ----------
    folder : Path
        Made if missing; the files go to its `nse-minute` and `nse-bhavcopy`. Files of the same name are replaced.
    days : int
        Sessions to write. Special sessions (Muhurat, budget week-ends) are left out.
    rows : int, optional
        Write whole sessions until there are at least so many minute bars, instead of `days`.
    start : date
        First calendar day; holidays and week-ends are skipped.
    underlyings : sequence of str
        `NIFTY`, `BANKNIFTY`.
    strikes : int
        Strikes that each expiry is listed with.
    expiries : int
        Nearest option expiries per session.
    seed : int
        Chooses the numbers.
    with_bhavcopy : bool
        Whether to write the end-of-day files.
    on_file : callable
        Called with each file when it is complete.

    Returns
    -------
    list of WrittenFile
        In the order written.

    Raises
    ------
    TickmartError
        If an argument makes no sense, or the calendar does not reach so far.
    """
    _check(days, rows, underlyings, strikes, expiries)
    minute_folder, bhavcopy_folder = folder / MINUTE_FOLDER, folder / BHAVCOPY_FOLDER
    try:
        minute_folder.mkdir(parents=True, exist_ok=True)
        if with_bhavcopy:
            bhavcopy_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TickmartError(f"cannot make {error.filename}: {error.strerror}") from error

    carried = {name: Carried(UNDERLYINGS[name].level) for name in underlyings}
    written: list[WrittenFile] = []
    sessions, bars = 0, 0
    next_day = start
    while (sessions < days) if rows is None else (bars < rows):
        session = sessions_from(next_day, 1)[0]
        lines: list[str] = []
        for name in underlyings:
            day = simulate_index(UNDERLYINGS[name], session, carried[name], seed)
            files = _write_minutes(
                minute_folder, day, carried[name], strikes, expiries, seed, lines if with_bhavcopy else None
            )
            for file in files:
                bars += file.rows
                written.append(file)
                on_file(file)
        if with_bhavcopy:
            path = bhavcopy_folder / f"{bhavcopy.file_name(session)}.zip"
            bhavcopy.write_zip(path, session, lines)
            written.append(WrittenFile(path, "bhavcopy", session, len(lines)))
            on_file(written[-1])
        sessions += 1
        next_day = session + timedelta(days=1)
    return written


def _write_minutes(
    folder: Path,
    day: IndexDay,
    carried: Carried,
    strikes: int,
    expiries: int,
    seed: int,
    bhavcopy_lines: list[str] | None,
) -> list[WrittenFile]:
    with ExitStack() as stack:
        options, futures, index = (
            stack.enter_context(gfdl.MinuteFile(folder / gfdl.file_name(kind, day)))
            for kind in ("OPT", "FUT", "IDX")
        )
        index.write(gfdl.index_bars(day))
        for chain in simulate_chains(day, carried, strikes=strikes, expiries=expiries, seed=seed):
            file = options if chain.is_option else futures
            for batch in gfdl.contract_bars(day, chain):
                file.write(batch)
            if bhavcopy_lines is not None:
                bhavcopy_lines.extend(bhavcopy.contract_rows(day, chain))
    return [
        WrittenFile(file.path, kind, day.session, file.rows)
        for kind, file in (("options", options), ("futures", futures), ("index", index))
    ]


def _check(days: int, rows: int | None, underlyings: Sequence[str], strikes: int, expiries: int) -> None:
    unknown = [name for name in underlyings if name not in UNDERLYINGS]
    if unknown or not underlyings:
        raise TickmartError(
            f"unknown underlying {', '.join(unknown) or '(none)'}; a sample can have: {', '.join(UNDERLYINGS)}"
        )
    if len(set(underlyings)) < len(underlyings):
        raise TickmartError(f"the same underlying twice: {', '.join(underlyings)}")
    for what, value, most in (("days", days, 2000), ("strikes", strikes, 401), ("expiries", expiries, 7)):
        if not 1 <= value <= most:
            raise TickmartError(f"{what} is {value}; it must be 1 to {most}")
    if rows is not None and rows < 1:
        raise TickmartError(f"rows is {rows}; it must be at least 1")
