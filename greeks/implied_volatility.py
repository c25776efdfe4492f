"""Implied volatility to the last digits that the premium gives, over whole arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erfcinv, erfinv, ndtr, ndtri

from greeks.normalised_black import (
    SQRT_TWO_PI,
    Floats,
    difference_of_products,
    log_moneyness,
    remainder_over_vega,
    value_over_vega,
)

type Bools = np.ndarray[Any, np.dtype[np.bool_]]

# Some thirty arrays of one chunk are alive at once; this many rows keep them in a core's second-level cache.
_CHUNK_ROWS = 16_384
_SQRT_THREE = 1.7320508075688772
_TWO_PI_OVER_SQRT_27 = 1.2091995761561452
_SQRT_HALF_PI = 1.2533141373155003
_CONVERGED = 1e-4
_LEAST_CONTROL = -1.0 + 1e-8


def implied_volatility(
    price: Floats, forward: Floats, strike: Floats, years: Floats, discount: Floats, is_call: Bools
) -> Floats:
    """Solve Black-76 for the volatility.

    Parameters
    ----------
    price : (n,) float64
        Option premium per unit, paid today, in quote currency.
    forward, strike : (n,) float64
        Forward of the underlying for the expiry, and strike; must be > 0.
    years : (n,) float64
        Time to expiry in years; must be > 0.
    discount : (n,) float64
        Value today of one unit paid at expiry; must be > 0.
    is_call : (n,) bool
        True for a call, False for a put.

    Returns
    -------
    (n,) float64
        Annualised volatility; NaN where none reproduces `price`: at or below the discounted intrinsic value,
        at or above the bound (discount * forward for a call, discount * strike for a put), or an input
        missing.

    Notes
    -----
    The inputs are taken as the exact numbers they are; the relative error of the result is below 1e-12. How
    far the volatility moves within the rounding of the premium is another matter: deep in the money that can
    be percents.

    P. Jäckel, "Let's Be Rational", Wilmott (January 2015): the normalised function, the four regions, the
    rational guesses (R. Delbourgo and J. Gregory, "Shape preserving piecewise rational interpolation", 1985)
    and the objective of each region. Two third-order Householder steps; rows that have not settled then get
    more.
    """
    columns = np.broadcast_arrays(
        *(np.asarray(column, np.float64) for column in (price, forward, strike, years, discount)),
        np.asarray(is_call, bool),
    )
    shape = columns[0].shape
    price, forward, strike, years, discount, is_call = (column.ravel() for column in columns)
    result = np.empty(price.shape)
    with np.errstate(all="ignore"):
        for start in range(0, len(result), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            result[rows] = _solve(
                price[rows], forward[rows], strike[rows], years[rows], discount[rows], is_call[rows]
            )
    return result.reshape(shape)


def _solve(
    price: Floats, forward: Floats, strike: Floats, years: Floats, discount: Floats, is_call: Bools
) -> Floats:
    unit = discount * np.sqrt(forward * strike)
    high = np.where(is_call, forward, strike)
    low = np.where(is_call, strike, forward)
    in_the_money = high > low
    time_value = difference_of_products(
        price, discount, np.where(in_the_money, high, 0.0), np.where(in_the_money, low, 0.0)
    )
    remainder = -difference_of_products(price, discount, high, 0.0)
    usable = (
        (time_value > 0)
        & (remainder > 0)
        & (forward > 0)
        & (strike > 0)
        & (years > 0)
        & (discount > 0)
        & np.isfinite(unit)
        & np.isfinite(years)
    )
    every = bool(usable.all())
    if not every:
        time_value, remainder, unit, forward, strike, years = (
            column[usable] for column in (time_value, remainder, unit, forward, strike, years)
        )
    deviation: Floats = _total_deviation(
        np.abs(log_moneyness(forward, strike)), time_value / unit, remainder / unit
    ) / np.sqrt(years)
    if every:
        return deviation
    result = np.full(len(usable), np.nan)
    result[usable] = deviation
    return result


def _total_deviation(x: Floats, value: Floats, remainder: Floats) -> Floats:
    # x is abs(ln(forward / strike)); value and remainder, what lies below and above the premium, are in units
    # of discount * sqrt(forward * strike).
    at_the_money = x < 1e-290
    if at_the_money.any():
        # b(0, s) = erf(s / sqrt(8)); near the bound only the remainder still has digits.
        small = value < 0.5
        roots: Floats = np.where(
            small, erfinv(np.where(small, value, 0.0)), erfcinv(np.where(small, 0.5, remainder))
        )
        deviation: Floats = roots * np.sqrt(8.0)
        other = ~at_the_money
        if other.any():
            deviation[other] = _total_deviation(x[other], value[other], remainder[other])
        return deviation

    # The inflection point of b(s), and where its tangent there reaches zero and the bound.
    middle = np.sqrt(2.0 * x)
    bound = np.exp(-0.5 * x)
    ratio_middle = value_over_vega(-0.5 * middle, 0.5 * middle)
    vega_middle = bound / SQRT_TWO_PI
    value_middle = vega_middle * ratio_middle

    deviation = np.empty_like(x)
    below = np.flatnonzero(value < value_middle)
    if len(below):
        deviation[below] = _solve_below(
            x[below],
            value[below],
            middle[below],
            ratio_middle[below],
            vega_middle[below],
            value_middle[below],
        )
    above = np.flatnonzero(value >= value_middle)
    if len(above):
        deviation[above] = _solve_above(
            x[above],
            value[above],
            remainder[above],
            bound[above],
            middle[above],
            vega_middle[above],
            value_middle[above],
        )
    return deviation


def _solve_below(
    x: Floats, value: Floats, middle: Floats, ratio_middle: Floats, vega_middle: Floats, value_middle: Floats
) -> Floats:
    lower = np.maximum(middle - ratio_middle, 1e-8 * middle)
    h, t = -x / lower, 0.5 * lower
    vega_lower = np.exp(-0.5 * (h * h + t * t)) / SQRT_TWO_PI
    value_lower = vega_lower * value_over_vega(h, t)
    deviation = np.empty_like(x)

    near = np.flatnonzero(value >= value_lower)
    if len(near):
        guess = _rational_cubic(
            (value[near] - value_lower[near]) / (value_middle[near] - value_lower[near]),
            value_middle[near] - value_lower[near],
            lower[near],
            middle[near],
            1.0 / vega_lower[near],
            1.0 / vega_middle[near],
            second_right=np.zeros(len(near)),
        )
        guess = np.clip(guess, lower[near], middle[near])
        deviation[near] = _iterate(_step_centre, guess, x[near], value[near])

    far = np.flatnonzero(value < value_lower)
    if len(far):
        x, value, s, value_lower = x[far], value[far], lower[far], value_lower[far]
        z = x / (_SQRT_THREE * s)
        tail = ndtr(-z)
        scale = _TWO_PI_OVER_SQRT_27 * x
        exponent = z * z + 0.125 * s * s
        slope = 2.0 * np.pi * tail * tail * np.exp(exponent)
        # 1 / n(z) times the tail is written out, for the density underflows before its product does.
        bend = (
            (np.pi / 6.0)
            * (z * z / (s * s * s))
            * tail
            * np.exp(2.0 * exponent)
            * (
                8.0 * _SQRT_THREE * s * x
                + (3.0 * s * s * (s * s - 8.0) - 8.0 * x * x) * tail * SQRT_TWO_PI * np.exp(0.5 * z * z)
            )
        )
        image = _rational_cubic(
            value / value_lower,
            value_lower,
            np.zeros_like(value),
            scale * tail * tail * tail,
            np.ones_like(value),
            slope,
            second_right=bend,
        )
        image = np.where(image > 0, image, value)
        quantile = np.minimum(np.cbrt(image / scale), 0.5)
        guess = x / (_SQRT_THREE * np.abs(ndtri(quantile)))
        guess = np.where(guess > 0, np.minimum(guess, s), s)
        deviation[far] = _iterate(_step_logarithm, guess, x, np.log(value))
    return deviation


def _solve_above(
    x: Floats,
    value: Floats,
    remainder: Floats,
    bound: Floats,
    middle: Floats,
    vega_middle: Floats,
    value_middle: Floats,
) -> Floats:
    upper = middle + (bound - value_middle) / vega_middle
    h, t = -x / upper, 0.5 * upper
    vega_upper = np.exp(-0.5 * (h * h + t * t)) / SQRT_TWO_PI
    remainder_upper = vega_upper * remainder_over_vega(h, t)
    deviation = np.empty_like(x)

    near = np.flatnonzero(remainder >= remainder_upper)
    if len(near):
        width = bound[near] - remainder_upper[near] - value_middle[near]
        guess = _rational_cubic(
            (value[near] - value_middle[near]) / width,
            width,
            middle[near],
            upper[near],
            1.0 / vega_middle[near],
            1.0 / vega_upper[near],
            second_left=np.zeros(len(near)),
        )
        guess = np.clip(guess, middle[near], upper[near])
        deviation[near] = _iterate(_step_centre, guess, x[near], value[near])

    far = np.flatnonzero(remainder < remainder_upper)
    if len(far):
        x, remainder, s, remainder_upper = x[far], remainder[far], upper[far], remainder_upper[far]
        z = x / s
        image = _rational_cubic(
            1.0 - remainder / remainder_upper,
            remainder_upper,
            ndtr(-0.5 * s),
            np.zeros_like(s),
            -0.5 * np.exp(0.5 * z * z),
            np.full_like(s, -0.5),
            second_left=_SQRT_HALF_PI * np.exp(z * z + 0.125 * s * s) * (z * z / s),
            left_share=remainder / remainder_upper,
        )
        image = np.where((image > 0) & (image < 0.5), image, 0.5 * remainder)
        guess = np.maximum(-2.0 * ndtri(image), s)
        deviation[far] = _iterate(_step_remainder, guess, x, np.log(remainder))
    return deviation


def _rational_cubic(
    share: Floats,
    width: Floats,
    left: Floats,
    right: Floats,
    slope_left: Floats,
    slope_right: Floats,
    *,
    second_left: Floats | None = None,
    second_right: Floats | None = None,
    left_share: Floats | None = None,
) -> Floats:
    """Delbourgo and Gregory's interpolant; its control fits one second derivative as far as shape allows."""
    chord = (right - left) / width
    from_left = chord - slope_left
    to_right = slope_right - chord
    turn = slope_right - slope_left
    if second_left is not None:
        control = (0.5 * width * second_left + turn) / from_left
    else:
        assert second_right is not None
        control = (0.5 * width * second_right + turn) / to_right
    least = np.maximum(
        (slope_left + slope_right) / chord, np.maximum(np.abs(turn / to_right), np.abs(turn / from_left))
    )
    control = np.maximum(control, np.where(np.isfinite(least), least, _LEAST_CONTROL))
    # An unbounded control means the straight line between the ends.
    control = np.where(np.isfinite(control), np.minimum(control, 1e30), 1e30)
    rest = 1.0 - share if left_share is None else left_share
    both = share * rest
    result: Floats = (
        right * share**3
        + (control * right - width * slope_right) * share * both
        + (control * left + width * slope_left) * both * rest
        + left * rest**3
    ) / (1.0 + (control - 3.0) * both)
    return result


def _iterate(
    step: Callable[[Floats, Floats, Floats], Floats], s: Floats, x: Floats, target: Floats
) -> Floats:
    s = np.maximum(s + step(s, x, target), 0.5 * s)
    change = step(s, x, target)
    s = np.maximum(s + change, 0.5 * s)
    unsettled = np.flatnonzero(~(np.abs(change) < _CONVERGED * s))
    for _ in range(30):
        if not len(unsettled):
            break
        start = s[unsettled]
        change = step(start, x[unsettled], target[unsettled])
        s[unsettled] = np.maximum(start + change, 0.5 * start)
        unsettled = unsettled[~(np.abs(change) < _CONVERGED * start)]
    s[unsettled] = np.nan
    return s


def _step_centre(s: Floats, x: Floats, value: Floats) -> Floats:
    # Objective b(s) - value.
    h, t = -x / s, 0.5 * s
    w, u = h * h, t * t
    newton = (value * SQRT_TWO_PI) * np.exp(0.5 * (w + u)) - value_over_vega(h, t)
    second, third = _vega_derivatives(w, u, s)
    return _householder(newton, second, third)


def _step_logarithm(s: Floats, x: Floats, log_value: Floats) -> Floats:
    # Objective 1 / ln b(s) - 1 / ln value: nearly straight in the far tail.
    h, t = -x / s, 0.5 * s
    w, u = h * h, t * t
    ratio = value_over_vega(h, t)
    log_b = np.log(ratio / SQRT_TWO_PI) - 0.5 * (w + u)
    newton = (log_value - log_b) * (log_b / log_value) * ratio
    second, third = _vega_derivatives(w, u, s)
    q = 1.0 / ratio
    inverse = 1.0 / log_b
    third = third + q * (
        2.0 * q * (1.0 + 3.0 * inverse * (1.0 + inverse)) - 3.0 * second * (1.0 + 2.0 * inverse)
    )
    second = second - q * (1.0 + 2.0 * inverse)
    return _householder(newton, second, third)


def _step_remainder(s: Floats, x: Floats, log_remainder: Floats) -> Floats:
    # Objective ln(bound - b(s)) - ln(bound - value).
    h, t = -x / s, 0.5 * s
    w, u = h * h, t * t
    ratio = remainder_over_vega(h, t)
    newton = (np.log(ratio / SQRT_TWO_PI) - 0.5 * (w + u) - log_remainder) * ratio
    second, third = _vega_derivatives(w, u, s)
    q = 1.0 / ratio
    return _householder(newton, second + q, third + q * (2.0 * q + 3.0 * second))


def _vega_derivatives(w: Floats, u: Floats, s: Floats) -> tuple[Floats, Floats]:
    second = (w - u) / s
    return second, second * second - (3.0 * w + u) / (s * s)


def _householder(newton: Floats, second: Floats, third: Floats) -> Floats:
    result: Floats = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + newton * third / 6.0))
    return result
