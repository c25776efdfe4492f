"""Implied volatility: exact against 60-digit arithmetic, NaN exactly where there is none."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greeks.black_scholes import price
from greeks.implied_volatility import implied_volatility

GENERATOR = np.random.default_rng(20250327)
TOLERANCE = 1e-12


def relative_error(
    volatility: float,
    premium: float,
    forward: float,
    strike: float,
    years: float,
    discount: float,
    is_call: bool,
) -> float:
    """Distance from `volatility` to the root for exactly these inputs, by one Newton step in 60 digits."""
    with mpmath.workdps(60):
        p, f, k, t, d, v = map(mpmath.mpf, (premium, forward, strike, years, discount, volatility))
        s = v * mpmath.sqrt(t)
        d1 = mpmath.log(f / k) / s + s / 2
        sign = 1 if is_call else -1
        model = d * sign * (f * _normal(sign * d1) - k * _normal(sign * (d1 - s)))
        vega = d * f * mpmath.npdf(d1) * mpmath.sqrt(t)
        return float(abs((p - model) / vega / v))


def _normal(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def has_volatility(premium: float, forward: float, strike: float, discount: float, is_call: bool) -> bool:
    """Whether the premium lies strictly between intrinsic value and bound, in exact arithmetic."""
    p, f, k, d = map(Fraction, (premium, forward, strike, discount))
    high, low = (f, k) if is_call else (k, f)
    return d * max(high - low, Fraction(0)) < p < d * high


def check(premium, forward, strike, years, discount, is_call) -> float:
    found = implied_volatility(premium, forward, strike, years, discount, is_call)
    worst = 0.0
    for row in zip(found, premium, forward, strike, years, discount, is_call, strict=True):
        volatility, p, f, k, t, d, call = *map(float, row[:6]), bool(row[6])
        if not has_volatility(p, f, k, d, call):
            assert np.isnan(volatility), row
        else:
            assert volatility > 0, row
            worst = max(worst, relative_error(volatility, p, f, k, t, d, call))
    return worst


def test_every_premium_that_has_a_volatility_gets_it_to_twelve_digits() -> None:
    # Seconds to decades, 1 % to 500 %, to six standard deviations out of and in the money.
    rows = 1_500
    years = 10 ** GENERATOR.uniform(np.log10(1 / 365 / 86_400), np.log10(30), rows)
    volatility = 10 ** GENERATOR.uniform(-2, np.log10(5), rows)
    forward = 22_000 * GENERATOR.uniform(0.3, 3, rows)
    strike = forward * np.exp(GENERATOR.normal(size=rows) * 2 * volatility * np.sqrt(years))
    discount = np.exp(-GENERATOR.uniform(-0.02, 0.12, rows) * years)
    is_call = GENERATOR.random(rows) < 0.5
    premium = price(forward, strike, years, volatility, discount, is_call)

    assert check(premium, forward, strike, years, discount, is_call) < TOLERANCE


def test_quoted_premiums_of_index_options_get_it_to_twelve_digits() -> None:
    # On the 0.05 grid, as an exchange quotes them.
    rows = 1_500
    years = GENERATOR.uniform(5 / 60 / 24, 60, rows) / 365
    forward = np.full(rows, 22_513.35)
    strike = np.round(GENERATOR.normal(forward, 22_513.35 * 0.4 * np.sqrt(years)) / 50) * 50
    discount = np.exp(-0.065 * years)
    is_call = GENERATOR.random(rows) < 0.5
    premium = np.round(price(forward, strike, years, 0.15, discount, is_call) * 20) / 20

    assert check(premium, forward, strike, years, discount, is_call) < TOLERANCE


def test_at_the_money_is_solved_at_and_next_to_equality() -> None:
    forward = np.full(9, 22_500.0)
    strike = 22_500.0 + np.array([0, 1e-11, -1e-11, 1e-7, -1e-7, 1e-3, -1e-3, 1, -1])
    years = np.array([1e-7, 1e-5, 1e-3, 0.1, 1, 10, 1e-4, 0.01, 30])
    is_call = np.arange(9) % 2 == 0
    premium = price(forward, strike, years, 0.13, 0.99, is_call)

    assert check(premium, forward, strike, years, np.full(9, 0.99), is_call) < TOLERANCE


def test_premiums_just_inside_either_limit_are_solved() -> None:
    # One step of float64 above the intrinsic value, and below the bound; exact arithmetic knows a volatility
    # for both.
    forward, strike = np.array([64.0, 64.0, 64.0, 64.0]), np.array([32.0, 32.0, 128.0, 128.0])
    is_call = np.array([True, True, False, False])
    premium = np.array(
        [np.nextafter(32.0, 99), np.nextafter(64.0, 0), np.nextafter(64.0, 99), np.nextafter(128.0, 0)]
    )

    assert check(premium, forward, strike, np.ones(4), np.ones(4), is_call) < TOLERANCE


def test_far_tail_premiums_are_solved_down_to_the_smallest_normal_number() -> None:
    premium = 10.0 ** -np.arange(1, 307, 5)
    rows = len(premium)

    worst = check(
        premium, np.full(rows, 100.0), np.full(rows, 140.0), np.ones(rows), np.ones(rows), np.full(rows, True)
    )

    assert worst < TOLERANCE


@pytest.mark.parametrize(
    ("premium", "forward", "strike", "is_call"),
    [
        (0.0, 100.0, 110.0, True),  # nothing paid
        (-1.0, 100.0, 110.0, True),
        (20.0, 120.0, 100.0, True),  # intrinsic value
        (19.99, 120.0, 100.0, True),
        (120.0, 120.0, 100.0, True),  # a call is worth less than the forward
        (121.0, 120.0, 100.0, True),
        (20.0, 100.0, 120.0, False),
        (120.0, 100.0, 120.0, False),  # a put is worth less than the strike
        (np.nan, 100.0, 110.0, True),
        (5.0, np.nan, 110.0, True),
        (5.0, 100.0, np.nan, True),
        (5.0, 0.0, 110.0, False),
        (5.0, 100.0, 0.0, True),
        (np.inf, 100.0, 110.0, True),
        (5.0, np.inf, 110.0, True),
    ],
)
def test_there_is_no_volatility_at_or_outside_the_limits(
    premium: float, forward: float, strike: float, is_call: bool
) -> None:
    assert np.isnan(implied_volatility(premium, forward, strike, 0.25, 1.0, is_call))


@pytest.mark.parametrize("years", [0.0, -1.0, np.nan, np.inf])
def test_there_is_no_volatility_without_time(years: float) -> None:
    assert np.isnan(implied_volatility(5.0, 100.0, 100.0, years, 1.0, True))


def test_rows_without_an_answer_leave_their_neighbours_alone() -> None:
    premium = np.array([5.0, np.nan, 5.0, -1.0, 5.0])

    found = implied_volatility(premium, 100.0, 100.0, 0.25, 0.99, True)

    assert np.isnan(found).tolist() == [False, True, False, True, False]
    assert found[0] == found[2] == found[4]


def test_answers_do_not_depend_on_where_a_row_stands() -> None:
    rows = 40_000
    strike = GENERATOR.uniform(15_000, 30_000, rows)
    premium = price(22_500.0, strike, 0.1, 0.2, 0.99, True)

    whole = implied_volatility(premium, 22_500.0, strike, 0.1, 0.99, True)
    shuffled = GENERATOR.permutation(rows)
    again = implied_volatility(premium[shuffled], 22_500.0, strike[shuffled], 0.1, 0.99, True)

    np.testing.assert_allclose(again, whole[shuffled], rtol=1e-14)


@settings(max_examples=300, deadline=None)
@given(
    premium=st.floats(1e-6, 1e5),
    forward=st.floats(1e-2, 1e5),
    strike=st.floats(1e-2, 1e5),
    years=st.floats(1e-8, 50),
    rate=st.floats(-0.05, 0.3),
    is_call=st.booleans(),
)
def test_any_premium_is_either_solved_or_outside_the_limits(
    premium: float, forward: float, strike: float, years: float, rate: float, is_call: bool
) -> None:
    discount = float(np.exp(-rate * years))

    worst = check(
        *(np.array([value]) for value in (premium, forward, strike, years, discount)), np.array([is_call])
    )

    assert worst < TOLERANCE
