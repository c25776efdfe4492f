"""Invented sessions of a share as anybody's CSV, with the rows that real files have and nobody wants."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sampledata.generate import WrittenFile, check_days
from warehouse.errors import TickmartError
from warehouse.exchange_sessions import Session, regular_hours
from warehouse.exchanges import known_exchanges, zone_of
from warehouse.paths import local_path

DEFAULT_START = date(2025, 11, 24)  # its week has a holiday and a session that ends at one o'clock
FOLDER = "csv"
_HEADER = "timestamp,open,high,low,close,volume"
_FIRST_PRICE = 23_000  # in hundredths
_A_YEAR = timedelta(days=400)


@dataclass
class _Bar:
    open: int
    high: int
    low: int
    close: int
    volume: int

    def line(self, stamp: object) -> str:
        prices = (
            f"{price // 100}.{price % 100:02}" for price in (self.open, self.high, self.low, self.close)
        )
        return ",".join([str(stamp), *prices, str(self.volume)])


def write_equity_sample(
    folder: str | Path,
    *,
    symbol: str = "AAPL",
    exchange: str = "NASDAQ",
    days: int = 5,
    start: date = DEFAULT_START,
    seed: int = 7,
) -> list[WrittenFile]:
    """Write a share's minutes and days, which agree with each other.

    Some rows are wrong or doubled as in files that people have: a line twice, a minute whose second line
    differs, a high below its low, a price that is missing, a word for a number. Minutes are stamped with
    their start in the exchange's time, which names no zone. Numbers are whole ones of Python's own
    generator: the same arguments give the same bytes on every machine.

    Parameters
    ----------
    folder : str or Path
        Made if missing; the files go to its `csv`.
    symbol, exchange : str
    days : int
        Sessions to write.
    start : date
        First calendar day; days without a session are skipped.
    seed : int
        Chooses the numbers.

    Returns
    -------
    list of WrittenFile
        The file of minutes and that of days.

    Raises
    ------
    TickmartError
        An argument makes no sense, or a file cannot be written.
    """
    check_days(days, seed)
    if exchange not in known_exchanges():
        raise TickmartError(f"no exchange is called {exchange!r}; known are {', '.join(known_exchanges())}")
    sessions = [
        session
        for session in regular_hours(exchange, start, start + timedelta(days=days * 3) + _A_YEAR)
        if session[0] >= start
    ][:days]
    if len(sessions) < days:
        raise TickmartError(f"the calendar of {exchange} has {len(sessions)} sessions from {start} on")
    target = local_path(folder) / FOLDER
    minutes, daily = [_HEADER], ["date,open,high,low,close,volume"]
    random, price = Random(seed), _FIRST_PRICE  # noqa: S311 - prices, no secret
    for session in sessions:
        bars = list(_bars(session, price, random))
        zone = zone_of(exchange)
        stamps = [
            session[1].astimezone(zone).replace(tzinfo=None) + timedelta(minutes=n) for n in range(len(bars))
        ]
        lines = [bar.line(stamp) for bar, stamp in zip(bars, stamps, strict=True)]
        minutes += _with_awkward_rows(lines, is_first=session is sessions[0])
        whole = _Bar(
            bars[0].open,
            max(b.high for b in bars),
            min(b.low for b in bars),
            bars[-1].close,
            sum(b.volume for b in bars),
        )
        daily.append(whole.line(session[0]))
        price = bars[-1].close
    return [
        _written(target / f"{symbol}_minutes.csv", minutes, "minutes", sessions[0][0]),
        _written(target / f"{symbol}_days.csv", daily, "days", sessions[0][0]),
    ]


def _bars(session: Session, price: int, random: Random) -> Iterator[_Bar]:
    _, opens, closes = session
    for _ in range(int((closes - opens).total_seconds()) // 60):
        first = max(100, price + random.randint(-4, 4))
        last = max(100, first + random.randint(-15, 15))
        high = max(first, last) + random.randint(0, 8)
        low = max(1, min(first, last) - random.randint(0, 8))
        yield _Bar(first, high, low, last, random.randint(1, 400) * 100)
        price = last


def _with_awkward_rows(lines: list[str], is_first: bool) -> list[str]:
    """Return the lines of a session with some more, none of which changes what the good ones say."""
    stamp, first, *_, volume = lines[10].split(",")
    higher = f"{int(first.partition('.')[0]) + 500}.00"
    return [
        *lines[:5],
        lines[4],  # twice
        *lines[5:10],
        f"{stamp},{higher},{higher},{higher},{higher},{volume}",  # superseded by the line that follows
        *lines[10:20],
        # a high below its low; more of them would say that the columns are not what they are called
        *([f"{lines[19].partition(',')[0]},10.00,9.00,11.00,10.00,100"] if is_first else []),
        *lines[20:30],
        f"{lines[29].partition(',')[0]},,,,,0",  # no prices
        *lines[30:40],
        f"{lines[39].partition(',')[0]},N/A,N/A,N/A,N/A,N/A",
        *lines[40:],
    ]


def _written(path: Path, lines: list[str], kind: str, session: date) -> WrittenFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise TickmartError(f"cannot write the sample to {path.parent.parent}: {error}") from error
    return WrittenFile(path, kind, session, len(lines) - 1)
