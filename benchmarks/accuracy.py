"""How exact prices, volatilities and Greeks are, beside QuantLib and a Let's-Be-Rational implementation.

Random options over the whole domain: seconds to ten years, volatilities of 1 % to 500 %, strikes up to eight
deviations from the forward, rates of -2 % to 15 %.
"""

from typing import NamedTuple

import numpy as np
import QuantLib  # type: ignore[import-untyped]
from numpy.typing import NDArray
from py_lets_be_rational import implied_volatility_from_a_transformed_rational_guess  # type: ignore[import-untyped]

from benchmarks.measuring import Line, Scale
from greeks.black_scholes import greeks, price
from greeks.implied_volatility import implied_volatility

type Floats = NDArray[np.float64]

SMALLEST = Scale(rows=2_000)
DEFAULT_ROWS = 1_000_000
_SECONDS_OF_A_YEAR = 365 * 86_400
_LEAST_TIME_VALUE = 1e-290  # below it a premium is no normal number any more


class Options(NamedTuple):
    """Random options, arrays of one length, and their premiums."""

    forward: Floats
    strike: Floats
    years: Floats
    volatility: Floats
    discount: Floats
    is_call: NDArray[np.bool_]
    premium: Floats


def run(scale: Scale) -> list[Line]:
    """Measure errors over random options."""
    rows = scale.rows or DEFAULT_ROWS
    random = np.random.default_rng(20_250_312)
    years = np.exp(random.uniform(np.log(1 / _SECONDS_OF_A_YEAR), np.log(10.0), rows))
    volatility = np.exp(random.uniform(np.log(0.01), np.log(5.0), rows))
    deviation = volatility * np.sqrt(years)
    forward = np.exp(random.uniform(np.log(0.05), np.log(100_000.0), rows))
    strike = forward * np.exp(random.uniform(-8.0, 8.0, rows) * deviation)
    discount = np.exp(-random.uniform(-0.02, 0.15, rows) * years)
    is_call = random.random(rows) < 0.5
    inputs = (forward, strike, years, volatility, discount, is_call)
    options = Options(*inputs, price(*inputs))
    return [*_volatility(options), *_beside_quantlib(options)]


def _volatility(o: Options) -> list[Line]:
    found = implied_volatility(o.premium, o.forward, o.strike, o.years, o.discount, o.is_call)
    again = price(o.forward, o.strike, o.years, found, o.discount, o.is_call)
    undiscounted = o.premium / o.discount
    intrinsic = np.maximum(np.where(o.is_call, o.forward - o.strike, o.strike - o.forward), 0.0)
    bound = np.where(o.is_call, o.forward, o.strike)
    # How far half a unit in the last place of the premium, and of its bounds, moves the volatility.
    vega = greeks(o.forward, o.strike, o.years, o.volatility, o.discount, o.is_call).vega * 100
    with np.errstate(all="ignore"):
        blurred = np.finfo(float).eps * np.maximum(o.premium, o.discount * intrinsic) / (vega * o.volatility)
    between = (undiscounted - intrinsic > _LEAST_TIME_VALUE) & (undiscounted < bound)
    determined = between & (blurred < 1e-13)
    errors = np.abs(found / o.volatility - 1.0)[determined]
    repriced = (
        np.abs(again - o.premium)[determined] / np.maximum(o.premium, o.discount * intrinsic)[determined]
    )
    apart = np.abs(again - o.premium)[between] / (o.discount * bound)[between]
    return [
        Line(
            "accuracy",
            f"implied volatility of {len(o.premium):,} options, {int(determined.sum()):,} of them determined"
            " to 1e-13 by their premium",
            f"worst relative error {np.nanmax(errors):.1e}, {int(np.isnan(errors).sum())} failed",
            wanted="≤ 1e-12, none failed",
        ),
        Line(
            "accuracy",
            f"the {int(between.sum()):,} whose premium lies between its bounds at all",
            f"{int(np.isnan(found[between]).sum())} failed; the premium, priced again, off by"
            f" {np.nanmax(apart):.1e} of its bound",
        ),
        Line(
            "accuracy",
            "the same priced again",
            f"worst relative error {np.nanmax(repriced):.1e}",
        ),
        _beside_lets_be_rational(o, found, determined),
    ]


def _beside_lets_be_rational(o: Options, found: Floats, determined: NDArray[np.bool_]) -> Line:
    some = np.flatnonzero(determined)[:20_000]
    theirs = np.array(
        [
            implied_volatility_from_a_transformed_rational_guess(p / d, f, k, t, 1 if c else -1)
            for p, f, k, t, d, c in zip(
                *(
                    column[some].tolist()
                    for column in (o.premium, o.forward, o.strike, o.years, o.discount, o.is_call)
                ),
                strict=True,
            )
        ]
    )
    apart = np.abs(found[some] / theirs - 1.0)
    return Line(
        "accuracy",
        f"{len(some):,} of them beside py_lets_be_rational",
        f"median difference {np.median(apart):.1e}, worst {apart.max():.1e}",
    )


def _beside_quantlib(o: Options) -> list[Line]:
    spot = o.forward * o.discount
    deviation = o.volatility * np.sqrt(o.years)
    kinds = (QuantLib.Option.Put, QuantLib.Option.Call)
    columns = (o.forward, o.strike, o.years, deviation, o.discount, o.is_call, spot)
    theirs = np.empty((6, len(o.forward)))
    for place, (f, k, t, s, d, c, at) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        one = QuantLib.BlackCalculator(QuantLib.PlainVanillaPayoff(kinds[c], k), f, s, d)
        theirs[:, place] = (
            one.value(), one.delta(at), one.gamma(at), one.theta(at, t), one.vega(t), one.rho(t)
        )  # fmt: skip
    ours = greeks(o.forward, o.strike, o.years, o.volatility, o.discount, o.is_call)
    # QuantLib's terms cancel out of the money: differences are in units of the largest term of each Greek.
    largest = {
        "value": np.maximum(spot, o.strike * o.discount),
        "delta": np.ones_like(spot),
        "gamma": 1 / (spot * deviation),
        "theta": spot * o.volatility / np.sqrt(o.years)
        + o.strike * o.discount * np.abs(np.log(o.discount)) / o.years,
        "vega": spot * np.sqrt(o.years),
        # QuantLib's rho takes the spot's part off again
        "rho": np.maximum(spot, o.strike * o.discount) * o.years,
    }
    found = {
        "value": o.premium,
        "delta": ours.delta,
        "gamma": ours.gamma,
        "theta": ours.theta * 365,
        "vega": ours.vega * 100,
        "rho": ours.rho * 100,
    }
    lines = []
    for name, other in zip(found, theirs, strict=True):
        worst = np.nanmax(np.abs(found[name] - other) / largest[name])
        failed = int(np.isnan(found[name]).sum())
        lines.append(
            Line(
                "accuracy",
                f"{name} of {len(spot):,} options beside QuantLib",
                f"worst difference {worst:.1e} of the largest term, {failed} failed",
            )
        )
    return lines
