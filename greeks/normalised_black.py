"""Black's formula in its one-parameter form, in which tails and short expiries keep every digit.

With x = -abs(ln(forward / strike)), s = volatility * sqrt(years), h = x / s and t = s / 2, an option's time
value over discount * sqrt(forward * strike) is

    b(x, s) = exp(x / 2) N(h + t) - exp(-x / 2) N(h - t)
            = n(h) exp(-t² / 2) (Y(h + t) - Y(h - t)),    Y(z) = N(z) / n(z)

and its derivative by s is n(h) exp(-t² / 2). So the ratio b / b' is a difference of two Mills ratios, and
what is left of the bound, exp(x / 2) - b, is a sum of two: no exponential over- or underflows before the
last step.
"""

from typing import Any

import numpy as np
from scipy.special import erfcx

type Floats = np.ndarray[Any, np.dtype[np.float64]]

SQRT_TWO_PI = 2.5066282746310002
_SQRT_HALF = 0.7071067811865476
_SQRT_HALF_PI = 1.2533141373155003
_VELTKAMP = 134_217_729.0  # 2**27 + 1

# Below this t the difference Y(h + t) - Y(h - t) loses digits and its Taylor series in t needs few terms.
_SERIES_BELOW_T = 0.2
_SERIES_TERMS = 7  # the next one is below 0.2**16 / 15!! of the first
# The recurrence of the derivatives of Y loses digits as sinh(h * t) grows; h * t = x / 2.
_SERIES_BELOW_X = 0.5


def value_over_vega(h: Floats, t: Floats) -> Floats:
    """Return b / b' = Y(h + t) - Y(h - t).

    Parameters
    ----------
    h : (n,) float64
        x / s, not positive.
    t : (n,) float64
        s / 2, positive.

    Returns
    -------
    (n,) float64
        The ratio; its error, seen as an error of s, is a few units in the last place.
    """
    series = (t < _SERIES_BELOW_T) & (h * t > -0.5 * _SERIES_BELOW_X)
    if series.all():
        return _ratio_by_series(h, t)
    ratio = _ratio_by_difference(h, t)
    rows = np.flatnonzero(series)
    if len(rows):
        ratio[rows] = _ratio_by_series(h[rows], t[rows])
    return ratio


def remainder_over_vega(h: Floats, t: Floats) -> Floats:
    """Return (exp(x / 2) - b) / b' = Y(-h - t) + Y(h - t), arguments as in `value_over_vega`."""
    ratio: Floats = _SQRT_HALF_PI * (erfcx((h + t) * _SQRT_HALF) + erfcx((t - h) * _SQRT_HALF))
    return ratio


def difference_of_products(value: Floats, factor: Floats, first: Floats, second: Floats | float) -> Floats:
    """Return value - factor * (first - second) with an error of one rounding of the result.

    A deep in-the-money premium less its intrinsic value is a small difference of large numbers; done
    naively, the rounding of the product alone would decide the volatility.
    """
    high = first - second
    back = high - first
    low = (first - (high - back)) - (second + back)
    product = factor * high
    split = _VELTKAMP * factor
    factor_high = split - (split - factor)
    factor_low = factor - factor_high
    split = _VELTKAMP * high
    high_high = split - (split - high)
    high_low = high - high_high
    error = factor_low * high_low - (
        ((product - factor_high * high_high) - factor_low * high_high) - factor_high * high_low
    )
    result: Floats = (value - product) - (error + factor * low)
    return result


def log_moneyness(forward: Floats, strike: Floats) -> Floats:
    """Return ln(forward / strike) with full relative accuracy near the money too."""
    ratio = forward / strike
    near = (ratio > 0.5) & (ratio < 2.0)
    if near.all():  # as in nearly every chain: half the time
        return np.log1p((forward - strike) / strike)
    result: Floats = np.where(near, np.log1p(np.where(near, (forward - strike) / strike, 0.0)), np.log(ratio))
    return result


def _ratio_by_difference(h: Floats, t: Floats) -> Floats:
    ratio: Floats = _SQRT_HALF_PI * (erfcx((h + t) * -_SQRT_HALF) - erfcx((t - h) * _SQRT_HALF))
    return ratio


def _ratio_by_series(h: Floats, t: Floats) -> Floats:
    # The odd derivatives A0 = Y'(h) = 1 + h Y, A1 = Y''', ... obey A(n+1) = (4n + 3 + h²) An - 2n (2n + 1)
    # A(n-1). The terms Bn = An t^2n / (2n + 1)! then obey the recurrence below.
    u = t * t
    wu = h * h
    first = erfcx(h * -_SQRT_HALF)
    first *= h
    first *= _SQRT_HALF_PI
    first += 1.0
    current = (wu + 3.0) * first
    current -= 1.0
    current *= u
    current *= 1.0 / 6.0
    total: Floats = first + current
    before = first
    wu *= u
    uu = u * u
    for n in range(1, _SERIES_TERMS):
        following = u * (4.0 * n + 3.0)
        following += wu
        following *= current
        before *= uu
        following -= before
        following *= 1.0 / ((2.0 * n + 2.0) * (2.0 * n + 3.0))
        total += following
        before, current = current, following
    total *= t
    total *= 2.0
    return total
