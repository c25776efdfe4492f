"""The one way in: vendor files, untouched, into their raw table, each whole or not at all."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg2
from psycopg2 import extensions

from loaders.landing import ledger
from loaders.landing.files import (
    AS_OF_MARK,
    DAMAGE,
    DataFile,
    PassedOver,
    Unreadable,
    damaged,
    data_files,
    expand,
)
from loaders.landing.one_file import OneFile
from loaders.landing.outcomes import Listener, Outcome, Report
from loaders.landing.raw_tables import create_raw_tables
from loaders.landing.stems import symbols_of_names
from loaders.source import Source
from loaders.sources import SOURCES
from warehouse import database
from warehouse.clock import today
from warehouse.database.errors import in_plain_words, said_plainly
from warehouse.errors import TickmartError
from warehouse.exchanges import known_exchanges
from warehouse.paths import printable

# NSE's first derivatives: futures on NIFTY of 2000-06-12.
_FIRST_DAY_OF_DERIVATIVES = date(2000, 6, 12)


def land(
    source: str,
    paths: Iterable[str | Path],
    *,
    force: bool = False,
    as_of: date | None = None,
    options: Mapping[str, str] | None = None,
    listener: Listener | None = None,
) -> Report:
    """Land files of a source, each in one transaction: its rows, its rejects and its row of the ledger.

    The schema is brought up to date first. A file that fails leaves nothing but a `failed` row of the ledger,
    and the others go on. A file with the same bytes and options as last time is left alone. A file that
    begins with exactly those bytes, up to the end of a line, lands what it has gained; any other is landed
    whole and replaces what was there (docs/decisions/0122).

    Parameters
    ----------
    source : str
        Name of the source, such as `nse-minute`.
    paths : iterable of str or Path
        Files (plain, .gz, .bz2, .zst, .zip or .parquet), folders and glob patterns.
    force : bool
        Land again what is already there, let a file without rows replace one with rows, and land one whose
        rows have the date of its name with day and month swapped.
    as_of : date or None
        The exchange's day that the files show; given for sources whose rows do not say it, and for no others.
    options : mapping of str to str or None
        Values of the options that the source takes (`Source.options`), by name.
    listener : Listener or None
        Hears of the progress.

    Returns
    -------
    Report
        One outcome per file or archive member.

    Raises
    ------
    TickmartError
        The source is unknown, `as_of` or an option is missing or makes no sense, or the database cannot be
        reached (any more).
    """
    wanted = SOURCES.named(source)
    check_as_of(wanted, as_of)
    said = said_of(wanted, as_of, options)
    listener = listener or Listener()
    found = expand(paths, wanted.suffixes)
    listener.expects(sum(size_of(item) for item in found))
    outcomes: list[Outcome] = []
    database.migrate()
    with said_plainly("cannot load"), database.connect() as connection:
        create_raw_tables(connection)
        symbols = symbols_of(wanted, found, said)
        for item in found:
            for file in members(item, wanted):
                symbol = symbols.get(file.uri)
                outcome = land_one(connection, wanted, dated(file, as_of), force, said, listener, symbol)
                outcomes.append(outcome)
                listener.ends(outcome)
    return Report(outcomes)


def check_as_of(source: Source, as_of: date | None) -> None:
    """Refuse a day for a source whose rows say theirs; for any other, refuse a missing or senseless one.

    Raises
    ------
    TickmartError
    """
    if source.undated and as_of is None:
        raise TickmartError(
            f"files of {source.name} do not say of which day they are: say --as-of YYYY-MM-DD,"
            " the exchange's day on which they were fetched"
        )
    if as_of is None:
        return
    if source.exchange is None:
        raise TickmartError(f"rows of {source.name} carry their dates themselves: leave --as-of out")
    latest = today(known_exchanges()[source.exchange].time_zone)
    if not _FIRST_DAY_OF_DERIVATIVES <= as_of <= latest:
        raise TickmartError(
            f"--as-of {as_of} is no day on which a list was fetched: say one from"
            f" {_FIRST_DAY_OF_DERIVATIVES} to today, {latest}"
        )


def said_of(source: Source, as_of: date | None, options: Mapping[str, str] | None) -> dict[str, str]:
    """Return what a user says of files when loading them, in the form that the ledger keeps.

    Raises
    ------
    TickmartError
        The source takes no such option, one is missing, or a value makes no sense.
    """
    return source.checked_options(options or {}) | ({"as_of": str(as_of)} if as_of else {})


def symbols_of(
    source: Source, found: Iterable[Path | Unreadable | PassedOver], said: Mapping[str, str]
) -> dict[str, str]:
    """Return the symbols that the names of files give, of a source whose files may not say theirs."""
    if source.recognise is None or "symbol" in said:
        return {}
    return symbols_of_names(file for item in found for file in members(item, source))


def dated(file: DataFile | Unreadable | PassedOver, as_of: date | None) -> DataFile | Unreadable | PassedOver:
    """Add the day to a file's uri: tomorrow the same path may hold another day's list."""
    return file if as_of is None else replace(file, uri=f"{file.uri}{AS_OF_MARK}{as_of}")


def size_of(item: Path | Unreadable | PassedOver) -> int:
    """Return a file's bytes on disk, 0 for what cannot be read."""
    try:
        return item.stat().st_size if isinstance(item, Path) else 0
    except OSError:
        return 0


def members(
    item: Path | Unreadable | PassedOver, source: Source
) -> Iterator[DataFile | Unreadable | PassedOver]:
    """Yield what an expanded path holds."""
    if isinstance(item, Path):
        yield from data_files(item, source.suffixes)
    else:
        yield item


def why_it_failed(error: Exception, name: str) -> str:
    """Say on one line why a file could not be read or landed."""
    match error:
        case TickmartError():
            text = str(error)
        case _ if isinstance(error, DAMAGE):
            text = str(damaged(name, error))
        case _:
            text = f"{name}: {in_plain_words(error)}"
    return printable(text)


def land_one(
    connection: extensions.connection,
    source: Source,
    file: DataFile | Unreadable | PassedOver,
    force: bool,
    said: dict[str, str],
    listener: Listener,
    symbol: str | None = None,
) -> Outcome:
    """Land one file in a transaction of its own.

    Parameters
    ----------
    connection : psycopg2 connection
        Outside a transaction; the raw tables are there.
    source : Source
    file : DataFile, Unreadable or PassedOver
    force : bool
        As for `land`.
    said : dict of str to str
        From `said_of`.
    listener : Listener
    symbol : str or None
        The symbol that its name gives.

    Raises
    ------
    TickmartError
        The database went away. What is wrong with the file is in the outcome.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()
    if isinstance(file, PassedOver):
        return Outcome(file.uri, file.name, "skipped", error=file.why)
    try:
        if isinstance(file, Unreadable):
            raise file.error
        listener.starts(file.name, file.size)
        outcome = OneFile(connection, source, file, force, said, listener, started_at, symbol).land()
        connection.commit()
        return replace(outcome, seconds=time.monotonic() - clock)
    except (TickmartError, psycopg2.Error, OSError, *DAMAGE) as error:
        if connection.closed:
            raise TickmartError(
                f"the database went away while {file.name} was landing ({in_plain_words(error)});"
                " nothing of that file landed. Run the same command again: what is there does not land twice"
            ) from error
        connection.rollback()
        message = why_it_failed(error, file.name)
        load_id = None
        if isinstance(file, DataFile) or file.exists:
            with connection.cursor() as cursor:
                load_id = ledger.write(
                    cursor, ledger.Entry(source, file.uri, "failed", started_at, error=message)
                )
            connection.commit()
        return Outcome(
            file.uri, file.name, "failed", load_id, error=message, seconds=time.monotonic() - clock
        )
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
