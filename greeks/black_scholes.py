"""Prices and first-order Greeks of European options, over whole arrays.

Black-76 with a discount factor. Black-Scholes-Merton is the same with forward = spot * exp(rate * years) and
discount = exp(-rate * years).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from greeks.normalised_black import SQRT_TWO_PI, Floats, log_moneyness, remainder_over_vega, value_over_vega

type Bools = np.ndarray[Any, np.dtype[np.bool_]]

_CHUNK_ROWS = 16_384
DAYS_OF_A_YEAR = 365.0
PERCENT = 0.01


class Greeks(NamedTuple):
    """First-order Greeks, arrays of one shape.

    Attributes
    ----------
    delta : float64
        Change of the premium per unit of the spot.
    gamma : float64
        Change of delta per unit of the spot.
    theta : float64
        Change of the premium as one calendar day (1/365 year) passes, spot and rate held; usually negative.
    vega : float64
        Change of the premium as the volatility rises by one percentage point.
    rho : float64
        Change of the premium as the continuous rate rises by one percentage point, spot held.
    """

    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def price(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, discount: Floats, is_call: Bools
) -> Floats:
    """Price European options by Black-76.

    Parameters
    ----------
    forward, strike : (n,) float64
        Forward of the underlying for the expiry, and strike; must be > 0.
    years : (n,) float64
        Time to expiry in years; must be >= 0.
    volatility : (n,) float64
        Annualised, 0.2 for 20 %; must be >= 0.
    discount : (n,) float64
        Value today of one unit paid at expiry; must be > 0.
    is_call : (n,) bool
        True for a call, False for a put.

    Returns
    -------
    (n,) float64
        Premium per unit, paid today; NaN where an input is missing or out of its range. Out of the money its
        relative accuracy holds into the far tail.

    Notes
    -----
    F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
    """
    (result,) = in_chunks(_price, 1, forward, strike, years, volatility, discount, is_call)
    return result


def greeks(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, discount: Floats, is_call: Bools
) -> Greeks:
    """Compute delta, gamma, theta, vega and rho by Black-Scholes-Merton.

    Parameters
    ----------
    forward, strike, years, volatility, discount, is_call : (n,) arrays
        As in `price`.

    Returns
    -------
    Greeks
        Each (n,) float64; NaN where an input is missing or out of its range. At zero time or zero volatility
        they are the limits as it vanishes: delta is one or zero, and of the rest only the interest on the
        strike is left; at the strike delta is one half, gamma infinite and theta minus infinity. At zero time
        the discount tells no rate, so a theta that needs one is NaN.

    Notes
    -----
    They are derivatives by the **spot** = discount * forward and by the continuous rate = -ln(discount) /
    years, with the forward following both: the spot is what the market of an index option quotes. J. Hull,
    "Options, Futures, and Other Derivatives", chapter "The Greek letters", without dividends.
    """
    columns = (forward, strike, years, volatility, discount, is_call)
    return Greeks(*in_chunks(_greeks, len(Greeks._fields), *columns))


def in_chunks(
    kernel: Callable[..., None],
    results: int,
    forward: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    discount: Floats,
    is_call: Bools,
) -> list[Floats]:
    """Run a kernel over rows that stay in a core's cache and give its results the inputs' common shape.

    Parameters
    ----------
    kernel : callable
        Takes the columns in this order, and `out`, float64 of `results` rows, to write to.
    results : int
        How many arrays it makes.
    forward, strike, years, volatility, discount, is_call : arrays
        As in `price`.
    """
    numbers, calls, shape = _columns(forward, strike, years, volatility, discount, is_call)
    out = np.empty((results, len(calls)))
    with np.errstate(all="ignore"):
        for start in range(0, len(calls), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            kernel(*(column[rows] for column in (*numbers, calls)), out=out[:, rows])
    return [row.reshape(shape) for row in out]


def _columns(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, discount: Floats, is_call: Bools
) -> tuple[list[Floats], Bools, tuple[int, ...]]:
    *numbers, calls = np.broadcast_arrays(
        *(np.asarray(column, np.float64) for column in (forward, strike, years, volatility, discount)),
        np.asarray(is_call, bool),
    )
    return [column.ravel() for column in numbers], calls.ravel(), calls.shape


def _price(
    forward: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    discount: Floats,
    is_call: Bools,
    *,
    out: Floats,
) -> None:
    x = -np.abs(log_moneyness(forward, strike))
    s = volatility * np.sqrt(years)
    h, t = x / s, 0.5 * s
    vega = np.exp(-0.5 * (h * h + t * t)) / SQRT_TWO_PI
    # Beyond h + t = 1 the ratio grows past all bounds while the remainder stays small.
    value = np.where(
        h + t < 1.0,
        vega * value_over_vega(h, t),
        np.exp(0.5 * x) - vega * remainder_over_vega(h, t),
    )
    value = np.where(s > 0, value, np.where(s == 0, 0.0, np.nan))
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    result = discount * (intrinsic + np.sqrt(forward * strike) * value)
    out[0] = np.where((forward > 0) & (strike > 0) & (discount > 0), result, np.nan)


def _greeks(
    forward: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    discount: Floats,
    is_call: Bools,
    *,
    out: Floats,
) -> None:
    delta, gamma, theta, vega, rho = out
    root = np.sqrt(years)
    s = volatility * root
    spot = discount * forward
    d1 = log_moneyness(forward, strike)
    d1 /= s
    d1 += 0.5 * s
    sign = np.where(is_call, 1.0, -1.0)

    # np.exp is so much cheaper than ndtr that the density is not shared with it.
    np.multiply(d1, d1, out=vega)
    vega *= -0.5
    np.exp(vega, out=vega)
    vega *= spot
    vega *= 1.0 / SQRT_TWO_PI  # spot * n(d1)
    np.divide(vega, spot * spot * s, out=gamma)
    np.multiply(vega, volatility, out=theta)
    theta /= -2.0 * root
    vega *= root
    vega *= PERCENT

    ndtr(sign * d1, out=delta)
    delta *= sign
    d1 -= s
    ndtr(sign * d1, out=rho)
    rho *= sign
    rho *= strike
    rho *= discount  # the strike's part of the premium
    theta += (np.log(discount) / years) * rho  # ln(discount) / years = -rate
    theta /= DAYS_OF_A_YEAR
    rho *= years
    rho *= PERCENT

    in_range = are_in_range(forward, strike, years, s, discount)
    if in_range.all():
        return
    out[:, ~in_range] = np.nan
    still = (s == 0) & (years >= 0) & (volatility >= 0) & (forward > 0) & (strike > 0) & (discount > 0)
    out[:, still] = _without_deviation(
        *(column[still] for column in (forward, strike, years, discount)), sign=sign[still]
    )


def _without_deviation(
    forward: Floats, strike: Floats, years: Floats, discount: Floats, *, sign: Floats
) -> Floats:
    # The chance of being exercised: one, zero, or one half at the strike.
    exercised = np.heaviside(sign * (forward - strike), 0.5)
    at_the_strike = forward == strike
    spot = discount * forward
    paid = sign * strike * discount * exercised
    # ln(discount) / years is the rate; nothing earns interest out of the money.
    interest = np.where(exercised > 0, np.log(discount) / years * paid, 0.0) / DAYS_OF_A_YEAR
    return np.stack(
        [
            sign * exercised,
            np.where(at_the_strike, np.inf, 0.0),
            np.where(at_the_strike, -np.inf, interest),
            np.where(at_the_strike, spot * np.sqrt(years) / SQRT_TWO_PI * PERCENT, 0.0),
            paid * years * PERCENT,
        ]
    )


def are_in_range(
    forward: Floats, strike: Floats, years: Floats, deviation: Floats, discount: Floats
) -> Bools:
    """Return where Greeks exist; `deviation` is volatility * sqrt(years)."""
    return (deviation > 0) & (forward > 0) & (strike > 0) & (years > 0) & (discount > 0)
