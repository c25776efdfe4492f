"""SVI slices: known parameters, published arbitrage, noise, few strikes, and random smiles without end."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greeks.svi import (
    Svi,
    calendar_margin,
    fit,
    is_free_of_butterfly_arbitrage,
    is_free_of_calendar_arbitrage,
    lowest_g,
)

# Axel Vogt's smile, whose g falls below zero: Gatheral & Jacquier (2014), example 3.1.
VOGT = Svi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
FREE = [
    (Svi(0.0004, 0.021, -0.35, 0.004, 0.021), 7 / 365),
    (Svi(0.001, 0.05, -0.6, 0.02, 0.06), 30 / 365),
    (Svi(0.01, 0.1, 0.2, -0.05, 0.3), 1.0),
    (Svi(0.002, 0.04, -0.9, 0.05, 0.15), 0.25),
]


def quotes(of: Svi, count: int = 41, width: float = 3.0) -> np.ndarray:
    deviation = float(np.sqrt(of.variance(np.zeros(1))[0]))
    return np.linspace(-width, width, count) * deviation


def central_difference(of: Svi, k: np.ndarray, step: float = 1e-4) -> tuple[np.ndarray, np.ndarray]:
    above, here, below = of.variance(k + step), of.variance(k), of.variance(k - step)
    return (above - below) / (2 * step), (above - 2 * here + below) / step**2


@pytest.mark.parametrize(("truth", "years"), FREE)
def test_the_parameters_of_a_smile_without_noise_are_found(truth: Svi, years: float) -> None:
    k = quotes(truth)

    found = fit(k, truth.variance(k), np.ones_like(k), years)

    assert found is not None
    assert found.slice == pytest.approx(truth, rel=1e-7, abs=1e-9)
    assert found.worst_error < 1e-10
    assert found.is_free_of_butterfly_arbitrage


def test_g_is_that_of_the_curve() -> None:
    k = quotes(VOGT)
    w, (slope, curvature) = VOGT.variance(k), central_difference(VOGT, k)

    expected = (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + curvature / 2

    np.testing.assert_allclose(VOGT.g(k), expected, atol=1e-6)


@pytest.mark.parametrize("of", [VOGT, *(truth for truth, _ in FREE)])
def test_the_lowest_g_is_that_of_the_whole_line(of: Svi) -> None:
    everywhere = of.m + of.sigma * np.sinh(np.linspace(-20, 20, 400_001))

    assert lowest_g(of) == pytest.approx(np.min(of.g(everywhere)), abs=1e-8)


def test_a_published_smile_with_butterfly_arbitrage_is_recognised() -> None:
    assert lowest_g(VOGT) < -0.01
    assert not is_free_of_butterfly_arbitrage(VOGT)


def test_a_fit_to_a_smile_with_butterfly_arbitrage_has_none() -> None:
    k = np.linspace(-1.5, 1.5, 61)

    found = fit(k, VOGT.variance(k), np.ones_like(k), 1.0)

    assert found is not None
    assert found.is_free_of_butterfly_arbitrage
    assert 0 <= found.lowest_g < 0.01  # held at the limit, not far inside
    assert found.rmse == pytest.approx(0.0063, abs=1e-4)  # many starts of SLSQP find none nearer


def test_a_narrow_breach_of_g_is_found_between_any_points() -> None:
    # the vertex far out in a wing, one hundredth of a deviation wide
    narrow = Svi(0.04, 0.5, 0.0, 3.0, 0.001)

    assert lowest_g(narrow) == pytest.approx(
        np.min(narrow.g(3.0 + 0.001 * np.sinh(np.linspace(-15, 15, 200_001)))), rel=1e-4
    )


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (Svi(0.01, 1.2, 0.8, 0.0, 0.1), "the right wing rises by more than 2"),
        (Svi(-0.02, 0.1, 0.0, 0.0, 0.1), "the variance is negative"),
        (Svi(0.01, -0.1, 0.0, 0.0, 0.1), "the wings fall"),
        (Svi(0.01, 0.1, 1.2, 0.0, 0.1), "a wing falls"),
        (Svi(float("nan"), 0.1, 0.0, 0.0, 0.1), "a parameter is missing"),
    ],
)
def test_slices_that_are_none_are_not_free_of_arbitrage(of: Svi, why: str) -> None:
    assert not is_free_of_butterfly_arbitrage(of), why


def test_slices_that_cross_are_told_from_those_that_do_not() -> None:
    near = Svi(0.01, 0.1, -0.3, 0.0, 0.1)

    assert calendar_margin(near._replace(a=0.011), near) == pytest.approx(0.001, abs=1e-12)
    assert calendar_margin(near, near) == 0
    assert calendar_margin(near._replace(a=0.02, b=0.099), near) == float("-inf")
    # above at the money and in both wings, below in between
    crossing = Svi(0.0, 0.13, -0.3, 0.15, 0.2)
    assert crossing.variance(np.zeros(1))[0] > near.variance(np.zeros(1))[0]
    assert all(mine > its for mine, its in zip(crossing.slopes, near.slopes, strict=True))
    assert calendar_margin(crossing, near) < 0
    assert not is_free_of_calendar_arbitrage(crossing, near)


def test_a_later_smile_that_dips_below_the_nearer_one_is_held_above_it() -> None:
    near, _ = FREE[1]
    k = quotes(near)
    dips = near.variance(k) * np.where(k < 0, 0.9, 1.3)

    found = fit(k, dips, np.ones_like(k), 0.1, near)

    assert found is not None
    assert found.is_free_of_calendar_arbitrage
    assert found.is_free_of_butterfly_arbitrage
    assert 0 <= found.calendar_margin < 1e-4
    assert np.all(found.slice.variance(np.linspace(-9, 9, 2001)) >= near.variance(np.linspace(-9, 9, 2001)))


def test_noise_is_averaged_and_the_error_says_how_much_there_was() -> None:
    truth, years = FREE[1]
    k = quotes(truth, 81)
    generator = np.random.default_rng(7)
    volatility = np.sqrt(truth.variance(k) / years) + 0.003 * generator.standard_normal(len(k))

    found = fit(k, volatility**2 * years, np.ones_like(k), years)

    assert found is not None
    assert found.rmse == pytest.approx(0.003, rel=0.2)
    errors = np.sqrt(found.slice.variance(k) / years) - np.sqrt(truth.variance(k) / years)
    assert np.sqrt(np.mean(errors**2)) < 0.0015
    assert found.is_free_of_butterfly_arbitrage


def test_weights_decide_between_quotes_that_contradict_each_other() -> None:
    truth, years = FREE[1]
    k = quotes(truth)
    wrong = truth.variance(k) * np.where(k > 0.1, 1.5, 1.0)
    weights = np.where(k > 0.1, 1e-6, 1.0)

    found = fit(k, wrong, weights, years)

    assert found is not None
    inside = k <= 0.1
    np.testing.assert_allclose(found.slice.variance(k[inside]), truth.variance(k[inside]), rtol=1e-3)
    assert found.weighted_rmse < found.rmse


@pytest.mark.parametrize("side", [slice(0, 15), slice(26, 41)])
def test_a_smile_of_one_side_is_fitted(side: slice) -> None:
    truth, years = FREE[1]
    k = quotes(truth)[side]

    found = fit(k, truth.variance(k), np.ones_like(k), years)

    assert found is not None
    assert found.is_free_of_butterfly_arbitrage
    assert found.rmse < 1e-4


def test_a_flat_smile_and_a_kinked_one_are_fitted() -> None:
    k = np.linspace(-0.2, 0.2, 21)
    for variance in (np.full_like(k, 0.01), 0.01 + 0.1 * np.abs(k)):
        found = fit(k, variance, np.ones_like(k), 0.25)
        assert found is not None
        assert found.is_free_of_butterfly_arbitrage
        assert found.rmse < 0.01


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(5, 60), min_size=1, max_size=4),
    noise=st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    days=st.integers(1, 900),
)
def test_no_smile_leads_to_arbitrage_or_to_an_exception(
    seed: int, counts: list[int], noise: float, days: int
) -> None:
    generator = np.random.default_rng(seed)
    found = []
    for expiry, count in enumerate(counts):
        years = days * (1 + expiry * generator.uniform(0, 2)) / 365
        k = np.sort(generator.uniform(*np.sort(generator.uniform(-0.5, 0.5, 2)), count))
        volatility = generator.uniform(0.08, 0.6) * (
            1 + generator.uniform(-1, 1) * k + generator.uniform(0, 9) * k**2
        )
        volatility = np.maximum(volatility, 0.02) * np.exp(noise * generator.standard_normal(count))
        weights = generator.uniform(0.01, 1.0, count)

        fitted = fit(k, volatility**2 * years, weights, years, found[-1].slice if found else None)

        if fitted is not None:
            assert fitted.is_free_of_butterfly_arbitrage
            assert fitted.is_free_of_calendar_arbitrage
            assert np.isfinite([*fitted.slice, fitted.rmse, fitted.worst_error]).all()
            found.append(fitted)
    everywhere = np.sinh(np.linspace(-8, 8, 4001))
    for each in found:
        assert np.all(each.slice.g(everywhere) >= 0)
        assert max(each.slice.slopes) <= 2
    for near, far in pairwise(found):
        assert np.all(far.slice.variance(everywhere) >= near.slice.variance(everywhere))
