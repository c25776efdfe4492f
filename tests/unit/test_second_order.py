"""Second-order Greeks against 50-digit derivatives, a textbook and the first-order ones."""

import mpmath
import numpy as np
import pytest

from greeks.black_scholes import greeks
from greeks.second_order import SecondOrderGreeks, second_order_greeks

GENERATOR = np.random.default_rng(20250313)
ROWS = 120


def premium(spot, years, volatility, rate, strike, is_call):
    s = volatility * mpmath.sqrt(years)
    d1 = (mpmath.log(spot / strike) + rate * years) / s + s / 2
    sign = 1 if is_call else -1
    paid = strike * mpmath.exp(-rate * years)
    return sign * (spot * mpmath.ncdf(sign * d1) - paid * mpmath.ncdf(sign * (d1 - s)))


@pytest.fixture(scope="module")
def market() -> dict[str, np.ndarray]:
    years = 10 ** GENERATOR.uniform(np.log10(60 / 365 / 86_400), np.log10(5), ROWS)
    volatility = 10 ** GENERATOR.uniform(-1.3, 0.3, ROWS)
    spot = GENERATOR.uniform(80, 120, ROWS)
    return {
        "spot": spot,
        "years": years,
        "volatility": volatility,
        "rate": GENERATOR.uniform(-0.02, 0.12, ROWS),
        "strike": spot * np.exp(GENERATOR.normal(size=ROWS) * volatility * np.sqrt(years)),
        "is_call": GENERATOR.random(ROWS) < 0.5,
    }


def as_arguments(market: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    growth = market["rate"] * market["years"]
    return {
        "forward": market["spot"] * np.exp(growth),
        "strike": market["strike"],
        "years": market["years"],
        "volatility": market["volatility"],
        "discount": np.exp(-growth),
        "is_call": market["is_call"],
    }


@pytest.mark.parametrize(
    ("name", "orders", "unit"),
    [
        # how often to differentiate by spot, years and volatility; the factor that gives the attribute's unit
        ("vanna", (1, 0, 1), 0.01),
        ("volga", (0, 0, 2), 0.0001),
        ("charm", (1, 1, 0), -1 / 365),
        ("speed", (3, 0, 0), 1.0),
        ("color", (2, 1, 0), -1 / 365),
        ("veta", (0, 1, 1), -0.01 / 365),
    ],
)
def test_each_is_the_derivative_that_its_definition_names(
    market: dict[str, np.ndarray], name: str, orders: tuple[int, int, int], unit: float
) -> None:
    found = getattr(second_order_greeks(**as_arguments(market)), name)

    rows = list(zip(*(market[key].tolist() for key in market), strict=True))
    with mpmath.workdps(60):
        exact = [
            unit
            * mpmath.diff(
                lambda spot, years, volatility, row=row: premium(
                    spot, years, volatility, mpmath.mpf(row[3]), mpmath.mpf(row[4]), row[5]
                ),
                tuple(map(mpmath.mpf, row[:3])),
                orders,
            )
            for row in rows
        ]
    exact_numbers = np.array([float(number) for number in exact])
    # Near a zero of the derivative its terms cancel: the error is measured by the largest of a row's kind.
    scale = np.maximum(np.abs(exact_numbers), 1e-6 * np.abs(exact_numbers).max())
    assert (np.abs(found - exact_numbers) / scale).max() < 1e-9


def test_haugs_examples() -> None:
    # Haug, "The Complete Guide to Option Pricing Formulas", 2nd edition, chapter 2, cost of carry = rate: the
    # closed forms as he writes them, at S = 90, X = 80, T = 0.25, r = b = 5 %, sigma = 20 %
    spot, strike, years, rate, volatility = 90.0, 80.0, 0.25, 0.05, 0.2
    root = np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / (volatility * root)
    d2 = d1 - volatility * root
    density = np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    gamma = density / (spot * volatility * root)
    vega = spot * density * root

    found = second_order_greeks(
        spot * np.exp(rate * years), strike, years, volatility, np.exp(-rate * years), True
    )

    assert float(found.vanna) == pytest.approx(-density * d2 / volatility / 100, rel=1e-13)
    assert float(found.volga) == pytest.approx(vega * d1 * d2 / volatility / 10_000, rel=1e-13)
    assert float(found.charm) == pytest.approx(
        -density * (rate / (volatility * root) - d2 / (2 * years)) / 365, rel=1e-13
    )
    assert float(found.speed) == pytest.approx(-gamma * (1 + d1 / (volatility * root)) / spot, rel=1e-13)
    assert float(found.color) == pytest.approx(
        gamma * (rate * d1 / (volatility * root) + (1 - d1 * d2) / (2 * years)) / 365, rel=1e-13
    )
    assert float(found.veta) == pytest.approx(
        vega * (rate * d1 / (volatility * root) - (1 + d1 * d2) / (2 * years)) / 36_500, rel=1e-13
    )


def test_they_are_the_slopes_of_the_first_order_greeks() -> None:
    at = as_arguments(
        {
            "spot": np.array([22_500.0]),
            "years": np.array([0.05]),
            "volatility": np.array([0.14]),
            "rate": np.array([0.06]),
            "strike": np.array([22_800.0]),
            "is_call": np.array([False]),
        }
    )
    step = 1e-5

    up = greeks(**at | {"volatility": at["volatility"] + step})
    down = greeks(**at | {"volatility": at["volatility"] - step})
    found = second_order_greeks(**at)

    np.testing.assert_allclose(found.vanna, (up.delta - down.delta) / (2 * step) / 100, rtol=1e-7)
    np.testing.assert_allclose(found.volga, (up.vega - down.vega) / (2 * step) / 100, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forward", 0.0),
        ("strike", np.nan),
        ("years", 0.0),
        ("years", -1.0),
        ("volatility", 0.0),
        ("discount", -1.0),
    ],
)
def test_inputs_out_of_range_give_nan_and_nothing_else_does(name: str, value: float) -> None:
    inputs = {
        "forward": np.array([100.0, 100.0]),
        "strike": np.array([100.0, 100.0]),
        "years": np.array([0.5, 0.5]),
        "volatility": np.array([0.2, 0.2]),
        "discount": np.array([0.97, 0.97]),
        "is_call": np.array([True, True]),
    }
    inputs[name][0] = value

    for column in second_order_greeks(**inputs):
        assert np.isnan(column).tolist() == [True, False]


def test_results_have_the_shape_of_the_broadcast_inputs_and_no_length_is_special() -> None:
    assert second_order_greeks(100.0, [[90.0], [110.0]], 0.5, [0.1, 0.2, 0.3], 1.0, True).veta.shape == (2, 3)
    many = second_order_greeks(np.full(40_000, 100.0), 110.0, 0.5, 0.2, 0.98, True)
    assert all((column == column[0]).all() for column in many)
    assert isinstance(many, SecondOrderGreeks)
