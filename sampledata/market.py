"""An invented trading day: the index minute by minute, and the bars of its futures and options around it.

Nothing here depends on the machine: random numbers are uniforms of a seeded PCG64, combined with operations
that IEEE 754 defines exactly, and the prices that logarithms and exponentials enter are rounded to the tick.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from greeks import black_scholes
from sampledata.contracts import (
    Expiry,
    Underlying,
    listed_expiries,
    lot_size,
    risk_free_rate,
    session_hours,
    tick_in_paise,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SECONDS_PER_YEAR = 365 * 24 * 3600
STEPS_PER_MINUTE = 6
# Vendors refresh the open interest of the exchange's feed every three minutes.
OPEN_INTEREST_MINUTES = 3
INDEX_VOLATILITY = 0.1
NIGHT_VOLATILITY = 0.0045
SESSIONS_PER_YEAR = 250


@dataclass
class Carried:
    """What one session leaves to the next, per index.

    Attributes
    ----------
    level : float
        Last index value.
    volatility : float
        At-the-money volatility of a one-month option.
    closes, open_interest : dict
        Closing price in paise and open interest in units, by exchange symbol.
    ladders : dict
        Lowest and highest listed strike, by the expiry's exchange code.
    """

    level: float
    volatility: float = 0.13
    closes: dict[str, int] = field(default_factory=dict)
    open_interest: dict[str, int] = field(default_factory=dict)
    ladders: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class IndexDay:
    """The index of one session.

    Attributes
    ----------
    bar_ends : (minutes,) object array of str
        Local time of the last second of each minute of the derivatives session, `HH:MM:59`.
    paise : dict of str to (minutes,) int64
        `open`, `high`, `low`, `close` in hundredths of an index point.
    index_minutes : int
        How many of the minutes belong to the index session, which can end before the derivatives one.
    volatility : (minutes,) float64
        At-the-money volatility of a one-month option at each bar's end.
    settlement : int
        Closing value in paise: mean of the last thirty minutes of the index session.
    """

    underlying: Underlying
    session: date
    opens_at: datetime
    bar_ends: list[str]
    paise: dict[str, Integers]
    index_minutes: int
    volatility: Floats
    previous_close: float
    settlement: int

    @property
    def minutes(self) -> int:
        """Return the number of minutes of the derivatives session."""
        return len(self.bar_ends)


@dataclass(frozen=True)
class Chain:
    """The day of the contracts of one expiry: one row per contract, one column per minute.

    Attributes
    ----------
    names, vendor_names : list of str
        Exchange and vendor symbol per contract, the vendor's without suffix.
    strikes : (contracts,) int64
        Index points; 0 for the future.
    is_call : (contracts,) bool
        Meaningless for the future.
    traded : (contracts, minutes) bool
        Whether the contract traded in the minute. Other cells of the arrays below mean nothing, but for
        `open_interest`.
    paise : dict of str to (contracts, minutes) int64
        `open`, `high`, `low`, `close` in hundredths of a rupee.
    lots, trades, open_interest : (contracts, minutes) int64
        Lots traded, number of trades, and open interest in units.
    theoretical : (contracts,) int64
        Model price at the close in paise.
    previous_close, previous_open_interest : (contracts,) int64
        Of the session before, in paise and units.
    """

    expiry: Expiry
    is_option: bool
    lot: int
    names: list[str]
    vendor_names: list[str]
    strikes: Integers
    is_call: npt.NDArray[np.bool_]
    traded: npt.NDArray[np.bool_]
    paise: dict[str, Integers]
    lots: Integers
    trades: Integers
    open_interest: Integers
    theoretical: Integers
    previous_close: Integers
    previous_open_interest: Integers


def random_stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random stream of one purpose, independent of every other one."""
    return np.random.Generator(np.random.PCG64([seed, *(zlib.crc32(name.encode()) for name in names)]))


def _normal(stream: np.random.Generator, shape: int | tuple[int, ...]) -> Floats:
    # Four uniforms are near enough to a normal here, and exact on every machine, unlike a ziggurat's tails.
    total = stream.random(shape)
    for _ in range(3):
        total += stream.random(shape)
    normal: Floats = (total - 2.0) * 1.7320508075688772
    return normal


def _activity_by_minute(minutes: int) -> Floats:
    # The U of a trading day: busy after the open, quiet at noon, busier into the close. Mean 1.
    position = (np.arange(minutes) + 0.5) / minutes
    left = (1.0 - position) * (1.0 - position)
    gone = position * position * position * position
    shape = (
        0.6 + 1.1 * left * left * left + 1.6 * (position - 0.5) * (position - 0.5) + 0.9 * gone * gone * gone
    )
    normed: Floats = shape / (np.add.accumulate(shape)[-1] / minutes)
    return normed


def simulate_index(underlying: Underlying, session: date, carried: Carried, seed: int) -> IndexDay:
    """Draw the index of one session, and move `carried` to its close."""
    opens_at, closes_at = session_hours("fo", session)
    index_closes_at = session_hours("index", session)[1]
    minutes = int((closes_at - opens_at).total_seconds()) // 60
    index_minutes = int((index_closes_at - opens_at).total_seconds()) // 60
    stream = random_stream(seed, underlying.name, session.isoformat(), "index")

    day_factor = 0.7 + 0.7 * stream.random()
    busy = np.repeat(_activity_by_minute(minutes), STEPS_PER_MINUTE)
    step = INDEX_VOLATILITY * day_factor / np.sqrt(SESSIONS_PER_YEAR * minutes * STEPS_PER_MINUTE)
    returns = step * np.sqrt(busy) * _normal(stream, minutes * STEPS_PER_MINUTE)
    # Most days come back part of the way.
    returns = returns - 0.5 * np.add.accumulate(returns)[-1] / len(returns)
    # A pull back to where the run began keeps a long run within its strikes.
    night = NIGHT_VOLATILITY * _normal(stream, 1)[0] + 0.1 * (underlying.level / carried.level - 1.0)
    path = carried.level * (1.0 + night) * np.multiply.accumulate(1.0 + returns)
    path = np.rint(path * 20.0).astype(np.int64) * 5
    by_minute = path.reshape(minutes, STEPS_PER_MINUTE)
    paise = {
        "open": by_minute[:, 0],
        "high": by_minute.max(axis=1),
        "low": by_minute.min(axis=1),
        "close": by_minute[:, -1],
    }

    # Volatility falls when the index rises, and drifts back towards its mean.
    moved = paise["close"] / 100.0 / carried.level - 1.0
    volatility = carried.volatility - 0.9 * moved + 0.002 * (stream.random() - 0.5)
    day = IndexDay(
        underlying=underlying,
        session=session,
        opens_at=opens_at,
        bar_ends=[
            f"{minute // 60:02d}:{minute % 60:02d}:59" for minute in _minutes_of_day(opens_at, minutes)
        ],
        paise=paise,
        index_minutes=index_minutes,
        volatility=np.clip(volatility, 0.08, 0.45),
        previous_close=carried.level,
        settlement=int(paise["close"][index_minutes - 30 : index_minutes].sum()) // 30,
    )
    carried.level = paise["close"][-1] / 100.0
    carried.volatility = 0.13 + 0.9 * (float(day.volatility[-1]) - 0.13)
    return day


def _minutes_of_day(opens_at: datetime, minutes: int) -> range:
    first = opens_at.hour * 60 + opens_at.minute
    return range(first, first + minutes)


def simulate_chains(
    day: IndexDay, carried: Carried, *, strikes: int, expiries: int, seed: int
) -> Iterator[Chain]:
    """Draw the contracts of one session, expiry by expiry: the future where there is one, then the options.

    Parameters
    ----------
    day : IndexDay
        The index they follow.
    carried : Carried
        Updated with each contract's close and open interest.
    strikes : int
        Strikes that an expiry is listed with, centred on the index; more are added as it moves.
    expiries : int
        How many of the nearest option expiries.
    seed : int
        Same seed, same numbers.

    Yields
    ------
    Chain
        One expiry at a time, so that memory does not grow with the number of expiries.
    """
    listed = listed_expiries(day.underlying.name, day.session)
    for rank, expiry in enumerate(listed):
        months_out = sum(other.is_monthly for other in listed[:rank])
        if expiry.is_monthly:
            yield _simulate_future(day, carried, expiry, months_out, seed)
        if rank < expiries:
            yield _simulate_options(day, carried, expiry, rank, strikes, seed)


def _years_to_expiry(day: IndexDay, expiry: Expiry) -> Floats:
    expires_at = session_hours("fo", expiry.day)[1]
    opens = (expires_at - day.opens_at).total_seconds()
    # Of the end of each minute; never quite 0, where no volatility moves a price.
    seconds: Floats = np.maximum(opens - 60.0 * np.arange(1, day.minutes + 1), 1.0)
    return seconds / SECONDS_PER_YEAR


def _simulate_future(day: IndexDay, carried: Carried, expiry: Expiry, months_out: int, seed: int) -> Chain:
    stream = random_stream(
        seed, day.underlying.name, day.session.isoformat(), expiry.day.isoformat(), "future"
    )
    minutes = day.minutes
    tick = tick_in_paise(day.underlying.name, "future", day.session)
    growth = 1.0 + risk_free_rate(day.session) * _years_to_expiry(day, expiry)
    basis = 0.00008 * _normal(stream, minutes)
    noisy = {
        price: _to_ticks(day.paise[price] / 100.0 * (growth + basis), tick)
        for price in ("open", "high", "low", "close")
    }
    intensity = (110.0, 20.0, 4.0)[months_out] * _activity_by_minute(minutes)[None, :]
    traded, lots, trades = _draw_trading(stream, intensity)
    return _finish_chain(
        day,
        carried,
        expiry,
        stream,
        is_option=False,
        names=[f"{day.underlying.name}{expiry.exchange_code}FUT"],
        vendor_names=[f"{day.underlying.name}{expiry.vendor_code}FUT"],
        strikes=np.zeros(1, np.int64),
        is_call=np.zeros(1, np.bool_),
        traded=traded,
        paise={price: values[None, :] for price, values in noisy.items()},
        lots=lots,
        trades=trades,
        theoretical=noisy["close"][-1:],
        previous=_to_ticks(np.array([day.previous_close * growth[0]]), tick),
        usual_open_interest=np.array([(240000.0, 40000.0, 6000.0)[months_out]]),
    )


def _simulate_options(
    day: IndexDay, carried: Carried, expiry: Expiry, rank: int, strike_count: int, seed: int
) -> Chain:
    name, step = day.underlying.name, day.underlying.strike_step
    stream = random_stream(seed, name, day.session.isoformat(), expiry.day.isoformat(), "options")
    minutes, rate = day.minutes, risk_free_rate(day.session)
    tick = tick_in_paise(name, "option", day.session)
    ladder = _listed_strikes(day, carried, expiry, strike_count)
    strikes = np.repeat(ladder, 2)
    is_call = np.tile([True, False], len(ladder))
    years = _years_to_expiry(day, expiry)
    opening_years = years[0] + 60.0 / SECONDS_PER_YEAR

    # Distance from the money in standard deviations of the time that is left at the open.
    deviation = 0.13 * np.sqrt(max(opening_years, 0.25 / 365))
    distance = (strikes / day.previous_close - 1.0) / deviation
    smile = _smile(distance, opening_years)

    out_of_the_money = np.where(is_call, distance, -distance)
    intensity = (260.0, 45.0, 18.0, 9.0, 6.0, 4.0, 3.0)[rank] * (2.5 if expiry.is_monthly else 1.0)
    near = 1.0 / (1.0 + 0.6 * distance * distance)
    by_strike = intensity * near * near * near
    by_strike = by_strike * np.where(out_of_the_money < -0.5, 0.15, 1.0) * _roundness(strikes, step)
    traded, lots, trades = _draw_trading(stream, by_strike[:, None] * _activity_by_minute(minutes)[None, :])

    row, minute = np.nonzero(traded)
    volatility = np.maximum(smile[row] * (day.volatility[minute] / 0.13), 0.03)
    noise = {price: stream.random(len(row)) - 0.5 for price in ("open", "high", "low", "close")}
    began = np.minimum(years[minute] + 60.0 / SECONDS_PER_YEAR, opening_years)
    values: dict[str, Integers] = {}
    for price in ("open", "high", "low", "close"):
        # A put is dearest where the index is lowest.
        extreme = {"high": ("high", "low"), "low": ("low", "high")}.get(price, (price, price))
        spot = np.where(is_call[row], day.paise[extreme[0]][minute], day.paise[extreme[1]][minute]) / 100.0
        left = years[minute] if price == "close" else began
        fair = _option_prices(spot, strikes[row], left, volatility, rate, is_call[row])
        spread = 0.05 + 0.004 * fair
        values[price] = _to_ticks(fair + spread * noise[price], tick)
    values["high"] = np.maximum.reduce(list(values.values()))
    values["low"] = np.minimum.reduce(list(values.values()))
    paise = {price: np.zeros(traded.shape, np.int64) for price in values}
    for price, cells in values.items():
        paise[price][row, minute] = cells

    closing = np.maximum(smile * (day.volatility[-1] / 0.13), 0.03)
    count = len(strikes)
    theoretical = _option_prices(
        np.full(count, day.paise["close"][-1] / 100.0),
        strikes,
        np.full(count, years[-1]),
        closing,
        rate,
        is_call,
    )
    previous = _option_prices(
        np.full(count, day.previous_close),
        strikes,
        np.full(count, opening_years + 17.75 / 24 / 365),
        np.maximum(smile, 0.03),
        rate,
        is_call,
    )
    sides = np.where(is_call, "CE", "PE")
    return _finish_chain(
        day,
        carried,
        expiry,
        stream,
        is_option=True,
        names=[f"{name}{expiry.exchange_code}{k}{side}" for k, side in zip(strikes, sides, strict=True)],
        vendor_names=[f"{name}{expiry.vendor_code}{k}{side}" for k, side in zip(strikes, sides, strict=True)],
        strikes=strikes,
        is_call=is_call,
        traded=traded,
        paise=paise,
        lots=lots,
        trades=trades,
        theoretical=_to_ticks(theoretical, tick),
        previous=_to_ticks(previous, tick),
        usual_open_interest=60.0 * by_strike,
    )


def _listed_strikes(day: IndexDay, carried: Carried, expiry: Expiry, count: int) -> Integers:
    # As on the exchange: strikes are added where the index goes, and none is taken away before the expiry.
    step = day.underlying.strike_step
    lowest = int(np.rint(day.previous_close / step)) * step - step * (count // 2)
    highest = lowest + step * (count - 1)
    before = carried.ladders.get(expiry.exchange_code, (lowest, highest))
    lowest, highest = carried.ladders[expiry.exchange_code] = (
        min(lowest, before[0]),
        max(highest, before[1]),
    )
    return np.arange(lowest, highest + step, step, dtype=np.int64)


def _smile(distance: Floats, years: float) -> Floats:
    # Index puts are dearer than calls; the wings rise. Short expiries have the steeper smile.
    steepness = min(1.0, 0.35 + 0.03 / np.sqrt(max(years, 1.0 / 365)))
    wing = np.clip(distance, -4.0, 4.0)
    volatility: Floats = 0.13 * (1.0 + steepness * (0.035 * wing * wing - 0.06 * wing))
    return volatility


def _roundness(strikes: Integers, step: int) -> Floats:
    return np.where(strikes % (10 * step) == 0, 2.5, np.where(strikes % (2 * step) == 0, 1.4, 1.0))


def _draw_trading(
    stream: np.random.Generator, intensity: Floats
) -> tuple[npt.NDArray[np.bool_], Integers, Integers]:
    traded = stream.random(intensity.shape) < intensity / (0.4 + intensity)
    # Heavy-tailed: now and then twenty times the usual size.
    size = (0.2 + stream.random(intensity.shape)) / (1.0 - 0.97 * stream.random(intensity.shape))
    lots = np.where(traded, 1 + (intensity * size).astype(np.int64), 0)
    trades = np.where(traded, 1 + (lots * (0.2 + 0.6 * stream.random(intensity.shape))).astype(np.int64), 0)
    return traded, lots, np.minimum(trades, lots)


def _to_ticks(prices: Floats, tick: int) -> Integers:
    ticks: Integers = np.maximum(np.rint(prices * 100.0 / tick), 1.0).astype(np.int64)
    return ticks * tick


def _option_prices(
    spot: Floats,
    strike: Integers,
    years: Floats,
    volatility: Floats,
    rate: float,
    is_call: npt.NDArray[np.bool_],
) -> Floats:
    discount = np.exp(-rate * years)
    return black_scholes.price(
        spot / discount, strike.astype(np.float64), years, volatility, discount, is_call
    )


def _finish_chain(
    day: IndexDay,
    carried: Carried,
    expiry: Expiry,
    stream: np.random.Generator,
    *,
    is_option: bool,
    names: list[str],
    vendor_names: list[str],
    strikes: Integers,
    is_call: npt.NDArray[np.bool_],
    traded: npt.NDArray[np.bool_],
    paise: dict[str, Integers],
    lots: Integers,
    trades: Integers,
    theoretical: Integers,
    previous: Integers,
    usual_open_interest: Floats,
) -> Chain:
    lot = lot_size(day.underlying.name, expiry.day, day.session)
    invented = np.rint(usual_open_interest * (0.5 + stream.random(len(names)))).astype(np.int64) * lot
    before = np.array(
        [carried.open_interest.get(name, int(units)) for name, units in zip(names, invented, strict=True)],
        np.int64,
    )
    previous_close = np.array(
        [carried.closes.get(name, int(price)) for name, price in zip(names, previous, strict=True)], np.int64
    )
    open_interest = _open_interest(stream, before, lots * lot, lot, is_last_day=expiry.day == day.session)
    chain = Chain(
        expiry=expiry,
        is_option=is_option,
        lot=lot,
        names=names,
        vendor_names=vendor_names,
        strikes=strikes,
        is_call=is_call,
        traded=traded,
        paise=paise,
        lots=lots,
        trades=trades,
        open_interest=open_interest,
        theoretical=theoretical,
        previous_close=previous_close,
        previous_open_interest=before,
    )
    closes = closing_prices(chain)
    carried.closes.update(zip(names, closes.tolist(), strict=True))
    carried.open_interest.update(zip(names, open_interest[:, -1].tolist(), strict=True))
    return chain


def _open_interest(
    stream: np.random.Generator, before: Integers, units: Integers, lot: int, *, is_last_day: bool
) -> Integers:
    contracts, minutes = units.shape
    blocks = -(-minutes // OPEN_INTEREST_MINUTES)
    padded = np.zeros((contracts, blocks * OPEN_INTEREST_MINUTES), np.int64)
    padded[:, :minutes] = units
    traded = padded.reshape(contracts, blocks, OPEN_INTEREST_MINUTES).sum(axis=2)
    # A part of what is traded opens positions, on the last day it closes them.
    share = stream.random((contracts, blocks)) - (0.9 if is_last_day else 0.46)
    changes = (0.25 * share * traded / lot).astype(np.int64) * lot
    level = np.maximum(before[:, None] + np.add.accumulate(changes, axis=1), 0)
    # What is published during a block is the state at its start.
    published = np.concatenate([before[:, None], level[:, :-1]], axis=1)
    return np.repeat(published, OPEN_INTEREST_MINUTES, axis=1)[:, :minutes]


def closing_prices(chain: Chain) -> Integers:
    """Return each contract's official close in paise.

    The volume-weighted mean of the last thirty minutes, on the 5-paise grid; the last price where those saw
    no trade; the close of the session before where the whole day saw none.
    """
    last = chain.lots[:, -30:]
    total = last.sum(axis=1)
    weighted = (chain.paise["close"][:, -30:] * last).sum(axis=1)
    minutes = chain.traded.shape[1]
    latest = minutes - 1 - np.argmax(chain.traded[:, ::-1], axis=1)
    last_price = chain.paise["close"][np.arange(len(latest)), latest]
    mean = (2 * weighted // np.maximum(5 * total, 1) + 1) // 2 * 5
    closes = np.where(total > 0, mean, last_price)
    return np.where(chain.traded.any(axis=1), closes, chain.previous_close)
