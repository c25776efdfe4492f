"""Write invented sessions as vendor files: the same bytes for the same arguments, on every machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sampledata import bhavcopy, gfdl
from sampledata.contracts import UNDERLYINGS, sessions_from
from sampledata.market import Carried, Chain, IndexDay, simulate_chains, simulate_index
from warehouse.errors import TickmartError
from warehouse.paths import local_path

# A Monday; the Thursday of its week is an expiry and its Friday a holiday.
DEFAULT_START = date(2025, 8, 11)
MINUTE_FOLDER = "nse-minute"
BHAVCOPY_FOLDER = "nse-bhavcopy"
_MOST_DAYS = 2000


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written.

    Attributes
    ----------
    path : Path
    kind : str
        `options`, `futures`, `index` or `bhavcopy`; of a share `minutes` or `days`.
    session : date
    rows : int
        Without the header.
    """

    path: Path
    kind: str
    session: date
    rows: int


def write_sample(
    folder: str | Path,
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
    folder : str or Path
        Made if missing; the files go to its `nse-minute` and `nse-bhavcopy`, in place of older ones.
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
        If an argument makes no sense, the calendar does not reach so far, or a file cannot be written.
    """
    check_days(days, seed)
    _check(rows, underlyings, strikes, expiries)
    carried = {name: Carried(UNDERLYINGS[name].level) for name in underlyings}
    written: list[WrittenFile] = []
    bars = 0
    day = start
    folder = local_path(folder)
    try:
        while len({file.session for file in written}) < days if rows is None else bars < rows:
            session = sessions_from(day, 1)[0]
            day = session + timedelta(days=1)
            for file in _write_session(folder, session, carried, (strikes, expiries), seed, with_bhavcopy):
                written.append(file)
                bars += file.rows if file.kind != "bhavcopy" else 0
                on_file(file)
    except OSError as error:
        raise TickmartError(f"cannot write the sample to {folder}: {error}") from error
    return written


def _write_session(
    folder: Path,
    session: date,
    carried: dict[str, Carried],
    size: tuple[int, int],
    seed: int,
    with_bhavcopy: bool,
) -> Iterator[WrittenFile]:
    minute_folder, bhavcopy_folder = folder / MINUTE_FOLDER, folder / BHAVCOPY_FOLDER
    minute_folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name, state in carried.items():
        day = simulate_index(UNDERLYINGS[name], session, state, seed)
        chains = simulate_chains(day, state, strikes=size[0], expiries=size[1], seed=seed)
        yield from _write_minutes(minute_folder, day, chains, lines if with_bhavcopy else None)
    if with_bhavcopy:
        bhavcopy_folder.mkdir(exist_ok=True)
        path = bhavcopy_folder / f"{bhavcopy.file_name(session)}.zip"
        bhavcopy.write_zip(path, session, lines)
        yield WrittenFile(path, "bhavcopy", session, len(lines))


def _write_minutes(
    folder: Path, day: IndexDay, chains: Iterator[Chain], bhavcopy_lines: list[str] | None
) -> list[WrittenFile]:
    with ExitStack() as stack:
        options, futures, index = (
            stack.enter_context(gfdl.MinuteFile(folder / gfdl.file_name(kind, day)))
            for kind in ("OPT", "FUT", "IDX")
        )
        index.write(gfdl.index_bars(day))
        for chain in chains:
            file = options if chain.is_option else futures
            for batch in gfdl.contract_bars(day, chain):
                file.write(batch)
            if bhavcopy_lines is not None:
                bhavcopy_lines.extend(bhavcopy.contract_rows(day, chain))
    return [
        WrittenFile(file.path, kind, day.session, file.rows)
        for kind, file in (("options", options), ("futures", futures), ("index", index))
    ]


def check_days(days: int, seed: int) -> None:
    """Refuse a number of sessions, or a seed, that makes no sense.

    Raises
    ------
    TickmartError
    """
    if not 1 <= days <= _MOST_DAYS:
        raise TickmartError(f"days is {days}; it must be 1 to {_MOST_DAYS}")
    if seed < 0:
        raise TickmartError(f"seed is {seed}; it must be at least 0")


def _check(rows: int | None, underlyings: Sequence[str], strikes: int, expiries: int) -> None:
    unknown = [name for name in underlyings if name not in UNDERLYINGS]
    if unknown or not underlyings:
        raise TickmartError(
            f"unknown underlying {', '.join(unknown) or '(none)'}; "
            f"a sample can have: {', '.join(UNDERLYINGS)}"
        )
    if len(set(underlyings)) < len(underlyings):
        raise TickmartError(f"the same underlying twice: {', '.join(underlyings)}")
    for what, value, most in (("strikes", strikes, 401), ("expiries", expiries, 7)):
        if not 1 <= value <= most:
            raise TickmartError(f"{what} is {value}; it must be 1 to {most}")
    if rows is not None and rows < 1:
        raise TickmartError(f"rows is {rows}; it must be at least 1")
