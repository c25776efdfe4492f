"""Greeks beside a chunked numpy closed form and QuantLib; implied volatility beside a `brentq` per option."""

import importlib.util
import warnings

import numpy as np
import QuantLib  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks import row_by_row
from benchmarks.measuring import Line, Scale, in_turns, rate, ratio_of
from greeks.black_scholes import greeks, price
from greeks.implied_volatility import implied_volatility

type Floats = NDArray[np.float64]

SMALLEST = Scale(rows=2_000, repeats=1)
DEFAULT_ROWS = 2_000_000
DEFAULT_REPEATS = 7
BRENTQ_ROWS = 2_000
QUANTLIB_ROWS = 20_000
RATE = 0.055
CHUNK = 16_384


class Options:
    """Options as a chain of an index has them.

    Parameters
    ----------
    count : int
        How many. Strikes within 8 % of the spot, an hour to three months to expiry, volatilities of
        8 to 40 %; always the same for the same count.
    """

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(7)
        self.spot = random.uniform(22_000, 26_000, count)
        self.strike = np.round(self.spot * random.uniform(0.92, 1.08, count) / 50) * 50
        self.years = np.exp(random.uniform(np.log(1 / 24 / 365), np.log(0.25), count))
        self.volatility = random.uniform(0.08, 0.40, count)
        self.is_call = self.strike >= self.spot  # what is quoted most: out of the money
        self.discount = np.exp(-RATE * self.years)
        self.forward = self.spot / self.discount
        self.premium = price(
            self.forward, self.strike, self.years, self.volatility, self.discount, self.is_call
        )


def run(scale: Scale) -> list[Line]:
    """Measure both on one core, single-threaded."""
    rows, repeats = scale.rows or DEFAULT_ROWS, scale.repeats or DEFAULT_REPEATS
    return [_greeks(rows, repeats), _beside_quantlib(rows, repeats), *_volatility(rows, repeats)]


def _greeks(rows: int, repeats: int) -> Line:
    o = Options(rows)

    def ours() -> object:
        return greeks(o.forward, o.strike, o.years, o.volatility, o.discount, o.is_call)

    def theirs() -> object:
        return closed_form(o.spot, o.strike, o.years, o.volatility, o.is_call)

    assert np.allclose(np.array(ours()), np.array(theirs()), rtol=1e-9, atol=1e-12)
    seconds = in_turns(repeats, ours=ours, theirs=theirs)
    return Line(
        "greeks",
        f"delta, gamma, theta, vega, rho of {rows:,} options",
        rate(rows, seconds["ours"]),
        f"chunked numpy: {rate(rows, seconds['theirs'])}",
        ratio_of(seconds["ours"], seconds["theirs"]),
        "≥ 1 ×",
    )


def _beside_quantlib(rows: int, repeats: int) -> Line:
    o = Options(min(rows, QUANTLIB_ROWS))
    deviation = o.volatility * np.sqrt(o.years)
    kinds = (QuantLib.Option.Put, QuantLib.Option.Call)
    columns = (o.forward, o.strike, o.years, deviation, o.discount, o.is_call, o.spot)
    options = list(zip(*(column.tolist() for column in columns), strict=True))

    def ours() -> object:
        return greeks(o.forward, o.strike, o.years, o.volatility, o.discount, o.is_call)

    def theirs() -> list[tuple[float, ...]]:
        found: list[tuple[float, ...]] = []
        for forward, strike, years, s, discount, is_call, spot in options:
            one = QuantLib.BlackCalculator(
                QuantLib.PlainVanillaPayoff(kinds[is_call], strike), forward, s, discount
            )
            found.append(
                (
                    one.delta(spot),
                    one.gamma(spot),
                    one.theta(spot, years) / 365.0,
                    one.vega(years) * 0.01,
                    one.rho(years) * 0.01,
                )
            )
        return found

    difference = (
        np.abs(np.array(ours()) - np.array(theirs()).T) / np.abs(np.array(ours())).max(axis=1)[:, None]
    )
    seconds = in_turns(max(1, min(repeats, 3)), ours=ours, theirs=theirs)
    return Line(
        "greeks",
        f"delta, gamma, theta, vega, rho of {len(options):,} options",
        rate(len(options), seconds["ours"]),
        f"QuantLib, one by one (differs by {difference.max():.0e} of the largest):"
        f" {rate(len(options), seconds['theirs'])}",
        ratio_of(seconds["ours"], seconds["theirs"]),
    )


def closed_form(
    spot: Floats, strike: Floats, years: Floats, volatility: Floats, is_call: NDArray[np.bool_]
) -> Floats:
    """Compute the Greeks by the textbook's formulas, in chunks that stay in a core's cache.

    Returns
    -------
    (5, n) float64
        Delta, gamma, theta (a day), vega and rho (a percentage point each).
    """
    out = np.empty((5, len(spot)))
    for start in range(0, len(spot), CHUNK):
        rows = slice(start, start + CHUNK)
        s, k, t, v = spot[rows], strike[rows], years[rows], volatility[rows]
        root = np.sqrt(t)
        deviation = v * root
        d1 = (np.log(s / k) + (RATE + 0.5 * v * v) * t) / deviation
        sign = np.where(is_call[rows], 1.0, -1.0)
        density = s * np.exp(-0.5 * d1 * d1) * 0.3989422804014327
        exercise = sign * k * np.exp(-RATE * t) * ndtr(sign * (d1 - deviation))
        out[0, rows] = sign * ndtr(sign * d1)
        out[1, rows] = density / (s * s * deviation)
        out[2, rows] = (-density * v / (2.0 * root) - RATE * exercise) / 365.0
        out[3, rows] = density * root * 0.01
        out[4, rows] = exercise * t * 0.01
    return out


def _volatility(rows: int, repeats: int) -> list[Line]:
    o = Options(rows)
    quotable = o.premium >= 0.05  # the exchange's tick: no smaller premium is ever quoted
    sample = np.flatnonzero(quotable)[: min(BRENTQ_ROWS, rows)]

    def solve() -> Floats:
        return implied_volatility(o.premium, o.forward, o.strike, o.years, o.discount, o.is_call)

    def one_by_one() -> None:
        for i in sample:
            row_by_row.implied_volatility(
                float(o.premium[i]),
                float(o.spot[i]),
                float(o.strike[i]),
                float(o.years[i]),
                RATE,
                "CE" if o.is_call[i] else "PE",
            )

    solved = solve()
    failed = int(np.isnan(solved[quotable]).sum())
    worst = float(np.nanmax(np.abs(solved[quotable] / o.volatility[quotable] - 1.0)))
    accuracy = f"error ≤ {worst:.0e}, {failed} failed"
    seconds = in_turns(repeats, ours=solve)
    beside = in_turns(max(1, min(repeats, 3)), theirs=one_by_one)
    speed = rows / float(np.median(seconds["ours"]))
    lines = [
        Line(
            "greeks",
            f"implied volatility of {rows:,} options; {accuracy}",
            rate(rows, seconds["ours"]),
            f"`brentq` one by one: {rate(len(sample), beside['theirs'])}",
            speed / (len(sample) / float(np.median(beside["theirs"]))),
        )
    ]
    if importlib.util.find_spec("py_vollib_vectorized"):
        lines.append(_beside_py_vollib(o, quotable, repeats))
    else:
        what = f"implied volatility of {rows:,} options"
        lines.append(
            Line(
                "greeks",
                what,
                rate(rows, seconds["ours"]),
                "py_vollib_vectorized: not installed",
                wanted="≥ 2 ×",
            )
        )
    return lines


def _beside_py_vollib(o: Options, quotable: NDArray[np.bool_], repeats: int) -> Line:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from py_vollib_vectorized import vectorized_implied_volatility  # type: ignore[import-not-found]

    flags = np.where(o.is_call, "c", "p")

    def theirs() -> Floats:
        found: Floats = vectorized_implied_volatility(
            o.premium, o.spot, o.strike, o.years, RATE, flags, q=0, model="black_scholes_merton",
            on_error="ignore", return_as="numpy",
        )  # fmt: skip
        return found

    def ours() -> Floats:
        return implied_volatility(o.premium, o.forward, o.strike, o.years, o.discount, o.is_call)

    found = theirs()
    worst = float(np.nanmax(np.abs(found[quotable] / o.volatility[quotable] - 1.0)))
    failed = int(np.isnan(found[quotable]).sum())
    seconds = in_turns(repeats, ours=ours, theirs=theirs)
    return Line(
        "greeks",
        f"implied volatility of {len(flags):,} options",
        rate(len(flags), seconds["ours"]),
        f"py_vollib_vectorized (error ≤ {worst:.0e}, {failed} failed): {rate(len(flags), seconds['theirs'])}",
        ratio_of(seconds["ours"], seconds["theirs"]),
        "≥ 2 ×",
    )
