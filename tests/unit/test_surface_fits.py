"""Smiles of one session: which quotes count, what a failure leaves, and where nodes lie."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from scipy.special import ndtr

from greeks.surface import DELTAS, TENORS_DAYS, FittedSmile, Smile, fit_expiries, nodes_between
from greeks.svi import Fit, Svi

SESSION = date(2025, 3, 12)
CLOSE = datetime(2025, 3, 12, 10, tzinfo=UTC)
SKEWED = Svi(0.0004, 0.02, -0.5, 0.005, 0.02)


def smile(
    days: float,
    *,
    of: Svi = SKEWED,
    points: int = 21,
    width: float = 2.5,
    is_traded: bool = True,
    forward: float = 22_500.0,
) -> Smile:
    """Quotes of a slice whose variance grows with time."""
    years = days / 365
    grown = Svi(of.a * days / 7, of.b * np.sqrt(days / 7), of.rho, of.m, of.sigma * np.sqrt(days / 7))
    deviation = float(np.sqrt(grown.variance(np.zeros(1))[0]))
    k = np.linspace(-width, width, points) * deviation
    return Smile(
        SESSION,
        date.fromordinal(SESSION.toordinal() + int(days)),
        CLOSE,
        years,
        forward,
        forward * np.exp(k),
        k,
        np.sqrt(grown.variance(k) / years),
        np.exp(-0.5 * (k / deviation) ** 2),
        is_traded,
    )


def statuses(fitted: list[FittedSmile]) -> list[tuple[date, str]]:
    return [(each.smile.expiry, each.status) for each in fitted]


def test_expiries_are_fitted_from_near_to_far_each_above_the_one_before() -> None:
    fitted = fit_expiries([smile(90), smile(7), smile(30)])

    assert [each.smile.years * 365 for each in fitted] == pytest.approx([7, 30, 90])
    assert [each.nearer for each in fitted] == [None, fitted[0], fitted[1]]
    for each in fitted:
        assert each.fit is not None
        assert each.fit.rmse < 1e-4
        assert each.fit.is_free_of_butterfly_arbitrage
        assert each.fit.is_free_of_calendar_arbitrage


def test_settlement_prices_make_the_smile_only_where_the_traded_options_are_too_few() -> None:
    settled = {"is_traded": False, "forward": 22_600.0}

    fitted = fit_expiries(
        [
            *(smile(7, **settled), smile(7, points=5)),
            *(smile(30, points=4), smile(30, **settled)),
            *(smile(60, width=0.1), smile(60, points=3, **settled)),
        ]
    )

    assert [(len(each.smile.strike), each.smile.is_traded, each.smile.forward) for each in fitted] == [
        (5, True, 22_500.0),
        (21, False, 22_600.0),
        (21, True, 22_500.0),
    ]
    assert [each.status for each in fitted] == ["ok", "ok", "too_narrow"]


def test_an_expiry_that_cannot_be_fitted_says_why_and_the_next_is_held_above_the_last_that_could() -> None:
    nothing = smile(1, points=0)
    nothing = Smile(SESSION, SESSION, CLOSE, np.nan, np.nan, *[np.empty(0)] * 4, True)

    fitted = fit_expiries([smile(14, points=4), smile(7), nothing, smile(21, width=0.1), smile(30)])

    assert statuses(fitted) == [
        (date(2025, 3, 19), "ok"),
        (date(2025, 3, 26), "too_few_strikes"),
        (date(2025, 4, 2), "too_narrow"),
        (date(2025, 4, 11), "ok"),
        (SESSION, "too_few_strikes"),
    ]
    assert fitted[3].nearer is fitted[0]
    assert [each.fit is None for each in fitted] == [False, True, True, False, True]


def test_quotes_that_no_optimiser_can_take_are_a_status_and_no_exception() -> None:
    broken = smile(7)
    broken.volatility[3] = np.inf

    fitted = fit_expiries([broken, smile(30)])

    assert [each.status for each in fitted] == ["no_arbitrage_free_fit", "ok"]


def test_a_node_has_the_delta_of_its_name_and_lies_between_the_expiries() -> None:
    fitted = fit_expiries([smile(10, width=4.0), smile(45, forward=22_700.0)])
    slices = [each.fit.slice for each in fitted if each.fit]

    nodes = nodes_between(fitted)

    assert [(node.tenor_days, node.delta) for node in nodes] == [
        (tenor, delta) for tenor in TENORS_DAYS for delta in DELTAS
    ]
    inside = [node for node in nodes if node.tenor_days == 30]
    assert [node.implied_volatility is None for node in nodes] == [node.tenor_days != 30 for node in nodes]
    for node in inside:
        assert node.log_moneyness is not None
        assert node.total_variance is not None
        near, far = (float(each.variance(np.array([node.log_moneyness]))[0]) for each in slices)
        assert node.total_variance == pytest.approx(near + (far - near) * 20 / 35, rel=1e-12)
        assert node.implied_volatility == pytest.approx(np.sqrt(node.total_variance * 365 / 30), rel=1e-12)
        deviation = np.sqrt(node.total_variance)
        delta = ndtr(-node.log_moneyness / deviation + deviation / 2)
        assert delta == pytest.approx(node.delta if node.delta > 0 else 1 + node.delta, abs=1e-12)
        assert node.forward_price == pytest.approx(22_500 * (22_700 / 22_500) ** (20 / 35), rel=1e-12)
        assert node.strike == pytest.approx(node.forward_price * np.exp(node.log_moneyness), rel=1e-12)
        assert node.is_extrapolated is False
    by_strike = sorted(inside, key=lambda node: node.strike or 0)
    assert [node.delta for node in by_strike] == [-0.10, -0.25, 0.50, 0.25, 0.10]


def test_an_expiry_on_the_tenor_needs_no_other() -> None:
    fitted = fit_expiries([smile(30)])

    nodes = [node for node in nodes_between(fitted) if node.implied_volatility is not None]

    assert {(node.tenor_days, node.earlier_expiry, node.later_expiry) for node in nodes} == {
        (30, date(2025, 4, 11), None)
    }


def test_a_node_beyond_the_strikes_says_so() -> None:
    fitted = fit_expiries([smile(10, width=1.0), smile(45)])

    nodes = {node.delta: node.is_extrapolated for node in nodes_between(fitted) if node.tenor_days == 30}

    assert nodes == {-0.10: True, -0.25: True, 0.50: False, 0.25: True, 0.10: True}


def test_a_delta_that_no_strike_has_is_a_node_without_numbers() -> None:
    # the right wing is nearly as steep as Lee allows: far calls keep their delta
    steep = Svi(0.0005, 1.0, 0.95, 0.0, 0.01)
    held = Fit(steep, 0.0, 0.0, 0.0, 0.1, float("nan"), True, True)
    near, far = (FittedSmile(smile(days), held, None, "ok") for days in (20, 40))

    nodes = {node.delta: node for node in nodes_between([near, far]) if node.tenor_days == 30}

    assert nodes[0.10].implied_volatility is None
    assert nodes[0.10].strike is None
    assert nodes[-0.10].implied_volatility is not None
    assert all(node.strike is None or np.isfinite(node.strike) for node in nodes.values())
