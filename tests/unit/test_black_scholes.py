"""Prices and Greeks against textbooks, parity, finite differences and 50-digit arithmetic."""

import mpmath
import numpy as np
import pytest

from greeks.black_scholes import greeks, price

GENERATOR = np.random.default_rng(20250312)


def black(
    forward: float, strike: float, years: float, volatility: float, discount: float, is_call: bool
) -> mpmath.mpf:
    with mpmath.workdps(50):
        f, k, t, v, d = map(mpmath.mpf, (forward, strike, years, volatility, discount))
        s = v * mpmath.sqrt(t)
        d1 = mpmath.log(f / k) / s + s / 2
        sign = 1 if is_call else -1
        return d * sign * (f * _normal(sign * d1) - k * _normal(sign * (d1 - s)))


def _normal(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def market(rows: int) -> dict[str, np.ndarray]:
    years = 10 ** GENERATOR.uniform(np.log10(1 / 365 / 86_400), np.log10(30), rows)
    volatility = 10 ** GENERATOR.uniform(-2, np.log10(5), rows)
    forward = 22_000 * GENERATOR.uniform(0.3, 3, rows)
    return {
        "forward": forward,
        "strike": forward * np.exp(GENERATOR.normal(size=rows) * 2 * volatility * np.sqrt(years)),
        "years": years,
        "volatility": volatility,
        "discount": np.exp(-GENERATOR.uniform(-0.02, 0.12, rows) * years),
        "is_call": GENERATOR.random(rows) < 0.5,
    }


def from_spot(spot, strike, years, volatility, rate, is_call):
    return {
        "forward": np.asarray(spot) * np.exp(rate * years),
        "strike": np.asarray(strike, float),
        "years": np.asarray(years, float),
        "volatility": np.asarray(volatility, float),
        "discount": np.exp(-np.asarray(rate) * years),
        "is_call": np.asarray(is_call),
    }


def test_price_is_hulls_example_15_6() -> None:
    # Hull, Options, Futures, and Other Derivatives, example 15.6: c = 4.76, p = 0.81 (4.7594, 0.8086 with
    # more digits)
    found = price(**from_spot(42, 40, 0.5, 0.2, 0.1, [True, False]))

    assert found.round(4).tolist() == [4.7594, 0.8086]


def test_price_on_a_forward_is_hulls_futures_option() -> None:
    # Hull, "Futures options": put, F = 60, K = 60, r = 9 %, sigma = 25 %, four months: 3.35
    found = price(60.0, 60.0, 4 / 12, 0.25, np.exp(-0.09 * 4 / 12), False)

    assert round(float(found), 2) == 3.35


def test_greeks_are_hulls_examples() -> None:
    # Hull, "The Greek letters": S = 49, K = 50, r = 5 %, sigma = 20 %, 20 weeks (0.3846 years):
    # delta 0.522, gamma 0.066, theta -4.31 per year, vega 12.1 and rho 8.91 per unit
    found = greeks(**from_spot(49, 50, 0.3846, 0.2, 0.05, True))

    assert round(float(found.delta), 3) == 0.522
    assert round(float(found.gamma), 3) == 0.066
    assert round(float(found.theta) * 365, 2) == -4.31
    assert round(float(found.vega) * 100, 1) == 12.1
    assert round(float(found.rho) * 100, 2) == 8.91


def test_price_keeps_its_relative_accuracy_from_seconds_to_decades_and_into_the_tails() -> None:
    inputs = market(1_500)

    found = price(**inputs)

    exact = [black(*map(float, row[:5]), bool(row[5])) for row in zip(*inputs.values(), strict=True)]
    errors = [float(abs(a / b - 1)) for a, b in zip(found.tolist(), exact, strict=True) if b > 1e-300]
    assert max(errors) < 1e-12


def test_call_less_put_is_the_discounted_forward_less_strike() -> None:
    inputs = market(10_000)
    calls = price(**inputs | {"is_call": np.full(10_000, True)})
    puts = price(**inputs | {"is_call": np.full(10_000, False)})

    gap = calls - puts - inputs["discount"] * (inputs["forward"] - inputs["strike"])

    assert np.abs(gap / (inputs["discount"] * (inputs["forward"] + inputs["strike"]))).max() < 1e-15


@pytest.mark.parametrize("is_call", [True, False])
def test_each_greek_is_the_derivative_that_its_definition_names(is_call: bool) -> None:
    rows = 400
    spot = GENERATOR.uniform(80, 120, rows)
    years = GENERATOR.uniform(0.1, 2, rows)
    volatility = GENERATOR.uniform(0.1, 0.8, rows)
    rate = GENERATOR.uniform(-0.01, 0.1, rows)

    def value(*, spot=spot, years=years, volatility=volatility, rate=rate):
        return price(**from_spot(spot, 100.0, years, volatility, rate, is_call))

    def slope(name: str, at: np.ndarray, step: float) -> np.ndarray:
        # Five points: the error is of the order step ** 4.
        near = value(**{name: at + step}) - value(**{name: at - step})
        far = value(**{name: at + 2 * step}) - value(**{name: at - 2 * step})
        return (8 * near - far) / (12 * step)

    found = greeks(**from_spot(spot, 100.0, years, volatility, rate, is_call))

    def bend(step: float) -> np.ndarray:
        near = value(spot=spot + step) + value(spot=spot - step)
        far = value(spot=spot + 2 * step) + value(spot=spot - 2 * step)
        return (16 * near - far - 30 * value()) / (12 * step * step)

    np.testing.assert_allclose(found.delta, slope("spot", spot, 0.02), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.gamma, bend(0.1), rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.theta, -slope("years", years, 1e-3) / 365, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.vega, slope("volatility", volatility, 1e-3) / 100, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.rho, slope("rate", rate, 1e-4) / 100, rtol=0, atol=1e-8)


def test_deltas_of_call_and_put_differ_by_one_and_gamma_and_vega_agree() -> None:
    inputs = market(5_000)
    call = greeks(**inputs | {"is_call": np.full(5_000, True)})
    put = greeks(**inputs | {"is_call": np.full(5_000, False)})

    np.testing.assert_allclose(call.delta - put.delta, 1.0, rtol=1e-15)
    assert (call.gamma == put.gamma).all()
    assert (call.vega == put.vega).all()


def test_zero_volatility_or_time_gives_the_discounted_intrinsic_value() -> None:
    assert price(110.0, 100.0, 0.0, 0.2, 0.9, [True, False]).tolist() == [9.0, 0.0]
    assert price(110.0, 100.0, 1.0, 0.0, 0.9, [True, False]).tolist() == [9.0, 0.0]


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("forward", [110.0, 90.0])
def test_greeks_come_to_their_limits_as_volatility_vanishes(forward: float, is_call: bool) -> None:
    nearly = greeks(forward, 100.0, 0.5, 1e-4, 0.97, is_call)

    found = greeks(forward, 100.0, 0.5, 0.0, 0.97, is_call)

    for limit, near in zip(found, nearly, strict=True):
        assert float(limit) == pytest.approx(float(near), rel=1e-12, abs=1e-300)


def test_greeks_at_expiry_are_those_of_what_is_paid() -> None:
    in_the_money, out_of_it, at_it = (
        greeks(forward, 100.0, 0.0, 0.2, 1.0, [True, False]) for forward in (110.0, 90.0, 100.0)
    )

    assert in_the_money.delta.tolist() == [1.0, 0.0]
    assert out_of_it.delta.tolist() == [0.0, -1.0]
    assert at_it.delta.tolist() == [0.5, -0.5]
    for found in (in_the_money, out_of_it):
        assert found.gamma.tolist() == found.vega.tolist() == [0.0, 0.0]
        np.testing.assert_array_equal(np.abs(found.rho), 0.0)
    # no rate is known at zero time: what is exercised would earn one
    np.testing.assert_array_equal(in_the_money.theta, [np.nan, 0.0])
    assert np.isposinf(at_it.gamma).all()
    assert np.isneginf(at_it.theta).all()
    assert at_it.vega.tolist() == [0.0, 0.0]


def test_at_the_strike_vega_outlives_volatility() -> None:
    nearly, found = (greeks(100.0, 100.0, 0.5, volatility, 0.97, True) for volatility in (1e-9, 0.0))

    assert float(found.vega) == pytest.approx(float(nearly.vega), rel=1e-12)
    assert float(found.delta) == pytest.approx(float(nearly.delta), rel=1e-9)
    assert float(found.rho) == pytest.approx(float(nearly.rho), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forward", 0.0),
        ("forward", np.nan),
        ("strike", -1.0),
        ("years", -0.1),
        ("years", np.nan),
        ("volatility", -0.2),
        ("volatility", np.nan),
        ("discount", 0.0),
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

    for column in (price(**inputs), *greeks(**inputs)):
        assert np.isnan(column).tolist() == [True, False]


def test_results_have_the_shape_of_the_broadcast_inputs() -> None:
    assert price(100.0, [[90.0], [110.0]], 0.5, [0.1, 0.2, 0.3], 1.0, True).shape == (2, 3)
    assert greeks(100.0, [[90.0], [110.0]], 0.5, [0.1, 0.2, 0.3], 1.0, True).rho.shape == (2, 3)
    assert price(100.0, 90.0, 0.5, 0.2, 1.0, True).shape == ()
    assert price(*([np.empty(0)] * 5), np.empty(0, bool)).shape == (0,)
