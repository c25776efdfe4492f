"""The row-by-row way: what a first version of such a pipeline looks like, with the usual libraries.

pandas' `iterrows` over the vendor's file, objects of SQLAlchemy's ORM inserted in bulk, scipy's `brentq` and
scalar Black-Scholes per option, a NautilusTrader `Bar` per row given to the catalog's `write_data`. It lands
option bars alone, checks nothing, keeps no history and no Greeks in the catalog: less
work than tickmart does.
"""

import math
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm
from sqlalchemy import DateTime, Engine, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from warehouse import database
from warehouse.exchanges import known_exchanges

ZONE = ZoneInfo(known_exchanges()["NSE"].time_zone)
RATE = 0.055
YEAR = timedelta(days=365)
BATCH = 1_000
TICKER = re.compile(r"([A-Z]+)(\d{2}[A-Z]{3}\d{2})(\d+(?:\.\d+)?)(CE|PE)\.NFO")


class _Base(DeclarativeBase):
    pass


class OptionBar(_Base):
    """A row of the table that this way fills."""

    __tablename__ = "option_bars"
    __table_args__ = {"schema": "public"}  # noqa: RUF012 - SQLAlchemy's own protocol

    id: Mapped[int] = mapped_column(primary_key=True)
    ticker: Mapped[str] = mapped_column(String, index=True)
    underlying: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    strike: Mapped[Decimal]
    option_type: Mapped[str]
    bar_end: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    open: Mapped[Decimal]
    high: Mapped[Decimal]
    low: Mapped[Decimal]
    close: Mapped[Decimal]
    volume: Mapped[int]
    open_interest: Mapped[int]
    implied_volatility: Mapped[float | None]
    delta: Mapped[float | None]
    gamma: Mapped[float | None]
    theta: Mapped[float | None]
    vega: Mapped[float | None]
    rho: Mapped[float | None]


@dataclass
class RowByRow:
    """What a run took.

    Attributes
    ----------
    rows : int
        Option bars landed, priced and exported.
    seconds : dict of str to float
        By stage: `load`, `greeks`, `export`.
    """

    rows: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


def run(options: Path, index: Path, catalog: Path, rows: int) -> RowByRow:
    """Take the first rows of an option file all the way to a catalog.

    Parameters
    ----------
    options, index : Path
        Vendor files of one session.
    catalog : Path
        Folder for the NautilusTrader catalog.
    rows : int
        Option bars to take.
    """
    from nautilus_trader.persistence.catalog import ParquetDataCatalog  # imports are not measured

    engine = create_engine(database.database_url())
    _Base.metadata.drop_all(engine)
    _Base.metadata.create_all(engine)
    done = RowByRow(0)
    try:
        started = time.perf_counter()
        done.rows = _load(engine, options, rows)
        done.seconds["load"] = time.perf_counter() - started
        started = time.perf_counter()
        _price(engine, _spot_by_time(index))
        done.seconds["greeks"] = time.perf_counter() - started
        started = time.perf_counter()
        _export(engine, ParquetDataCatalog(str(catalog)))
        done.seconds["export"] = time.perf_counter() - started
    finally:
        _Base.metadata.drop_all(engine)
        engine.dispose()
    return done


def _load(engine: Engine, file: Path, rows: int) -> int:
    frame = pd.read_csv(file, nrows=rows, dtype=str)
    with Session(engine) as session:
        batch: list[OptionBar] = []
        for _, row in frame.iterrows():
            batch.append(_bar(row))
            if len(batch) == BATCH:
                session.bulk_save_objects(batch)
                batch = []
        session.bulk_save_objects(batch)
        session.commit()
    return len(frame)


def _bar(row: "pd.Series[str]") -> OptionBar:
    found = TICKER.fullmatch(row["Ticker"])
    assert found is not None
    underlying, expiry, strike, option_type = found.groups()
    return OptionBar(
        ticker=row["Ticker"],
        underlying=underlying,
        expires_at=datetime.strptime(f"{expiry} 15:30", "%d%b%y %H:%M").replace(tzinfo=ZONE),
        strike=Decimal(strike),
        option_type=option_type,
        bar_end=_bar_end(row),
        open=Decimal(row["Open"]),
        high=Decimal(row["High"]),
        low=Decimal(row["Low"]),
        close=Decimal(row["Close"]),
        volume=int(row["Volume"]),
        open_interest=int(row["Open Interest"]),
    )


def _bar_end(row: "pd.Series[str]") -> datetime:
    last_second = datetime.strptime(f"{row['Date']} {row['Time']}", "%d/%m/%Y %H:%M:%S")
    return last_second.replace(tzinfo=ZONE) + timedelta(seconds=1)


def _spot_by_time(file: Path) -> dict[datetime, float]:
    spot = {}
    for _, row in pd.read_csv(file).iterrows():
        spot[_bar_end(row)] = float(row["Close"])
    return spot


def _price(engine: Engine, spot_by_time: dict[datetime, float]) -> None:
    with Session(engine) as session:
        for bar in session.scalars(select(OptionBar)):
            years = (bar.expires_at - bar.bar_end) / YEAR
            spot, strike, premium = spot_by_time[bar.bar_end], float(bar.strike), float(bar.close)
            volatility = implied_volatility(premium, spot, strike, years, RATE, bar.option_type)
            bar.implied_volatility = volatility
            if volatility is not None:
                bar.delta, bar.gamma, bar.theta, bar.vega, bar.rho = first_order_greeks(
                    spot, strike, years, RATE, volatility, bar.option_type
                )
        session.commit()


def implied_volatility(
    premium: float, spot: float, strike: float, years: float, rate: float, option_type: str
) -> float | None:
    """Return the volatility of one option by `brentq`, None where there is none."""

    def error(volatility: float) -> float:
        return premium_of(spot, strike, years, rate, volatility, option_type) - premium

    try:
        found: float = brentq(error, 1e-4, 5.0)
    except ValueError:  # the same sign at both ends
        return None
    return found


def premium_of(
    spot: float, strike: float, years: float, rate: float, volatility: float, option_type: str
) -> float:
    """Return the Black-Scholes premium of one option."""
    d1, d2 = _d1_d2(spot, strike, years, rate, volatility)
    paid = strike * math.exp(-rate * years)
    if option_type == "CE":
        return float(spot * norm.cdf(d1) - paid * norm.cdf(d2))
    return float(paid * norm.cdf(-d2) - spot * norm.cdf(-d1))


def first_order_greeks(
    spot: float, strike: float, years: float, rate: float, volatility: float, option_type: str
) -> tuple[float, float, float, float, float]:
    """Return delta, gamma, theta (a day), vega and rho (a percentage point each) of one option."""
    d1, d2 = _d1_d2(spot, strike, years, rate, volatility)
    sign = 1.0 if option_type == "CE" else -1.0
    root, paid = math.sqrt(years), strike * math.exp(-rate * years)
    density = float(norm.pdf(d1))
    delta = sign * float(norm.cdf(sign * d1))
    exercise = sign * paid * float(norm.cdf(sign * d2))
    theta = (-spot * density * volatility / (2.0 * root) - rate * exercise) / 365.0
    gamma = density / (spot * volatility * root)
    return delta, gamma, theta, spot * density * root / 100.0, exercise * years / 100.0


def _d1_d2(spot: float, strike: float, years: float, rate: float, volatility: float) -> tuple[float, float]:
    deviation = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate + volatility * volatility / 2.0) * years) / deviation
    return d1, d1 - deviation


def _export(engine: Engine, catalog: Any) -> None:
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.objects import Price, Quantity

    with Session(engine) as session:
        for ticker in session.scalars(select(OptionBar.ticker).distinct().order_by(OptionBar.ticker)).all():
            bar_type = BarType.from_str(f"{ticker.removesuffix('.NFO')}.NSE-1-MINUTE-LAST-EXTERNAL")
            rows = session.scalars(select(OptionBar).filter_by(ticker=ticker).order_by(OptionBar.bar_end))
            bars = []
            for row in rows:
                stamp = int(row.bar_end.timestamp()) * 1_000_000_000
                prices = [
                    Price.from_str(f"{price:.2f}") for price in (row.open, row.high, row.low, row.close)
                ]
                bars.append(Bar(bar_type, *prices, Quantity.from_int(row.volume), stamp, stamp))
            catalog.write_data(bars)
