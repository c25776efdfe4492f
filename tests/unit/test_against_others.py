"""Prices, volatilities and Greeks against QuantLib, another port of Jäckel's algorithm, and books."""

import numpy as np
import py_lets_be_rational
import pytest
import QuantLib

from greeks.black_scholes import greeks, price
from greeks.implied_volatility import implied_volatility

GENERATOR = np.random.default_rng(20250314)
ROWS = 20_000


@pytest.fixture(scope="module")
def market() -> dict[str, np.ndarray]:
    years = 10 ** GENERATOR.uniform(np.log10(1 / 365 / 24), np.log10(30), ROWS)
    volatility = 10 ** GENERATOR.uniform(-2, np.log10(5), ROWS)
    forward = 22_000 * GENERATOR.uniform(0.3, 3, ROWS)
    return {
        "forward": forward,
        "strike": forward * np.exp(GENERATOR.normal(size=ROWS) * volatility * np.sqrt(years)),
        "years": years,
        "volatility": volatility,
        "discount": np.exp(-GENERATOR.uniform(-0.02, 0.12, ROWS) * years),
        "is_call": GENERATOR.random(ROWS) < 0.5,
    }


def test_prices_and_greeks_are_quantlibs(market: dict[str, np.ndarray]) -> None:
    kinds = (QuantLib.Option.Put, QuantLib.Option.Call)
    spot = market["discount"] * market["forward"]
    deviation = market["volatility"] * np.sqrt(market["years"])
    theirs = np.empty((6, ROWS))
    rows = zip(
        market["forward"].tolist(), market["strike"].tolist(), deviation.tolist(),
        market["discount"].tolist(), market["years"].tolist(), market["is_call"].tolist(), spot.tolist(),
        strict=True,
    )  # fmt: skip
    for row, (forward, strike, s, discount, years, is_call, today) in enumerate(rows):
        option = QuantLib.BlackCalculator(
            QuantLib.PlainVanillaPayoff(kinds[is_call], strike), forward, s, discount
        )
        theirs[:, row] = (
            option.value(),
            option.delta(today),
            option.gamma(today),
            option.theta(today, years) / 365,
            option.vega(years) / 100,
            option.rho(years) / 100,
        )

    ours = [price(**market), *greeks(**market)]

    # Each difference is measured against the size of the terms that the figure is made of.
    paid = market["strike"] * market["discount"]
    sizes = [
        spot + paid,
        np.ones(ROWS),
        1 / (spot * deviation),
        (spot * market["volatility"] / np.sqrt(market["years"]) + 0.12 * (spot + paid)) / 365,
        spot * np.sqrt(market["years"]) / 100,
        (spot + paid) * market["years"] / 100,
    ]
    for found, expected, size in zip(ours, theirs, sizes, strict=True):
        assert (np.abs(found - expected) / size).max() < 1e-11


def test_volatilities_are_those_of_lets_be_rational(market: dict[str, np.ndarray]) -> None:
    # Out of the money and well below the bound: they take a premium undiscounted, and the division rounds it.
    chosen = market | {"is_call": market["strike"] > market["forward"]}
    bound = np.where(chosen["is_call"], chosen["forward"], chosen["strike"]) * chosen["discount"]
    rows = np.flatnonzero(price(**chosen) < 0.9 * bound)[:2_000]
    chosen = {name: values[rows] for name, values in chosen.items()}
    premium = price(**chosen)
    arguments = {name: values for name, values in chosen.items() if name != "volatility"}

    found = implied_volatility(premium, **arguments)

    theirs = [
        py_lets_be_rational.implied_volatility_from_a_transformed_rational_guess(
            value / discount, forward, strike, years, 1.0 if is_call else -1.0
        )
        for value, forward, strike, years, discount, is_call in zip(
            premium.tolist(),
            *(arguments[name].tolist() for name in ("forward", "strike", "years", "discount", "is_call")),
            strict=True,
        )
    ]
    assert len(found) == 2_000
    assert not np.isnan(found).any()
    np.testing.assert_allclose(found, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("spot", "strike", "years", "rate", "carry", "volatility", "is_call", "published"),
    [
        # Haug, "The Complete Guide to Option Pricing Formulas", 2nd edition, chapter 1: Black-Scholes;
        # Merton on an index with a yield of 5 %; Black-76; Garman and Kohlhagen on a currency
        (60.0, 65.0, 0.25, 0.08, 0.08, 0.30, True, 2.1334),
        (100.0, 95.0, 0.5, 0.10, 0.05, 0.20, False, 2.4648),
        (19.0, 19.0, 0.75, 0.10, 0.0, 0.28, True, 1.7011),
        (19.0, 19.0, 0.75, 0.10, 0.0, 0.28, False, 1.7011),
        (1.56, 1.60, 0.5, 0.06, -0.02, 0.12, True, 0.0291),
    ],
)
def test_prices_are_haugs(
    spot: float,
    strike: float,
    years: float,
    rate: float,
    carry: float,
    volatility: float,
    is_call: bool,
    published: float,
) -> None:
    forward, discount = spot * np.exp(carry * years), np.exp(-rate * years)

    found = float(price(forward, strike, years, volatility, discount, is_call))

    assert round(found, 4) == published
    assert float(implied_volatility(found, forward, strike, years, discount, is_call)) == pytest.approx(
        volatility, rel=1e-12
    )


def test_greeks_are_haugs() -> None:
    # the same book, chapter 2: gamma at S = 55, X = 60, T = 0.75, r = b = 10 %, sigma = 30 %; rho at S = 72,
    # X = 75, T = 1, r = b = 9 %, sigma = 19 %
    gamma = greeks(55 * np.exp(0.075), 60.0, 0.75, 0.30, np.exp(-0.075), True).gamma
    rho = greeks(72 * np.exp(0.09), 75.0, 1.0, 0.19, np.exp(-0.09), True).rho

    assert round(float(gamma), 4) == 0.0278
    assert round(float(rho) * 100, 4) == 38.7325
