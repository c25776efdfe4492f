"""Second-order Greeks of European options, over whole arrays: how the first-order ones change."""

from typing import NamedTuple

import numpy as np

from greeks.black_scholes import DAYS_OF_A_YEAR, PERCENT, Bools, are_in_range, in_chunks
from greeks.normalised_black import SQRT_TWO_PI, Floats, log_moneyness


class SecondOrderGreeks(NamedTuple):
    """Second-order Greeks, arrays of one shape; the same for a call and a put of one strike.

    Attributes
    ----------
    vanna : float64
        Change of delta as the volatility rises by one percentage point.
    volga : float64
        Change of vega as the volatility rises by one percentage point; vega itself is per percentage point.
    charm : float64
        Change of delta as one calendar day (1/365 year) passes, spot and rate held.
    speed : float64
        Change of gamma per unit of the spot.
    color : float64
        Change of gamma as one calendar day passes, spot and rate held.
    veta : float64
        Change of vega as one calendar day passes, spot and rate held; vega itself is per percentage point.
    """

    vanna: Floats
    volga: Floats
    charm: Floats
    speed: Floats
    color: Floats
    veta: Floats


def second_order_greeks(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, discount: Floats, is_call: Bools
) -> SecondOrderGreeks:
    """Compute vanna, volga, charm, speed, color and veta by Black-Scholes-Merton.

    Parameters
    ----------
    forward, strike, years, volatility, discount, is_call : (n,) arrays
        As in `greeks.black_scholes.greeks`; years and volatility must be > 0. `is_call` only gives the shape:
        without dividends call and put differ by the spot less the discounted strike, whose second derivatives
        are zero.

    Returns
    -------
    SecondOrderGreeks
        Each (n,) float64; NaN where an input is missing or out of its range.

    Notes
    -----
    Derivatives of `greeks.black_scholes.greeks` in its own conventions: by the spot = discount * forward, by
    percentage points, by calendar days. E. Haug, "The Complete Guide to Option Pricing Formulas", 2nd edition
    (2007), chapter 2, with cost of carry = rate.
    """
    columns = (forward, strike, years, volatility, discount, is_call)
    return SecondOrderGreeks(*in_chunks(_second_order, len(SecondOrderGreeks._fields), *columns))


def _second_order(
    forward: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    discount: Floats,
    _is_call: Bools,
    *,
    out: Floats,
) -> None:
    vanna, volga, charm, speed, color, veta = out
    root = np.sqrt(years)
    s = volatility * root
    spot = discount * forward
    d1 = log_moneyness(forward, strike)
    d1 /= s
    d1 += 0.5 * s
    d2 = d1 - s
    growth = -np.log(discount)  # rate * years
    density = np.exp(-0.5 * d1 * d1) / SQRT_TWO_PI
    gamma = density / (spot * s)
    vega = spot * density * root * PERCENT
    # What d1 gains as the time to expiry grows, times that time.
    drift = growth / s - 0.5 * d2

    np.multiply(density, d2, out=vanna)
    vanna *= -PERCENT / volatility
    np.multiply(vega, d1 * d2, out=volga)
    volga *= PERCENT / volatility
    np.multiply(density, drift, out=charm)
    charm /= -DAYS_OF_A_YEAR * years
    np.multiply(gamma, d1 / s + 1.0, out=speed)
    speed /= -spot
    np.multiply(gamma, 0.5 + d1 * drift, out=color)
    color /= DAYS_OF_A_YEAR * years
    np.multiply(vega, d1 * drift - 0.5, out=veta)
    veta /= DAYS_OF_A_YEAR * years

    out[:, ~are_in_range(forward, strike, years, s, discount)] = np.nan
