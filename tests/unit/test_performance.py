"""Figures of a backtest: positions and daily returns apart, and no ratio of a handful of days."""

import math
from datetime import datetime, timedelta

import pytest
from nautilus_trader.analysis import ReturnsVolatility, SharpeRatio

from backtests.performance import of_daily_returns, of_positions

TWENTY = [0.01, -0.005, 0.0, 0.02, -0.01] * 4
RATIOS = ("volatility", "Sharpe ratio", "Sortino ratio", "profit factor")


def test_positions_are_counted_and_averaged_by_themselves() -> None:
    found = of_positions([300.0, -100.0, 0.0, 150.0, -50.0])

    assert found.values == {
        "positions": 5,
        "winners": 2,
        "losers": 2,
        "win rate": 0.4,
        "average winner": 225.0,
        "average loser": -75.0,
        "largest winner": 300.0,
        "largest loser": -100.0,
        "expectancy": 60.0,
        "profit factor": 3.0,
    }
    assert found.not_defined == {}


def test_what_positions_do_not_define_is_said_and_not_zero() -> None:
    none, winners = of_positions([]), of_positions([10.0])

    assert none.not_defined["win rate"] == "no position"
    assert (none.values["expectancy"], none.values["profit factor"]) == (None, None)
    assert winners.values["profit factor"] is None
    assert winners.not_defined == dict.fromkeys(
        ("average loser", "largest loser", "profit factor"), "no position lost"
    )


@pytest.mark.parametrize("days", [0, 1, 19])
def test_fewer_than_twenty_daily_returns_have_no_ratio(days: int) -> None:
    found = of_daily_returns(TWENTY[:days])

    assert found.values["returns"] == days
    for name in RATIOS:
        assert found.values[name] is None
        assert found.not_defined[name] == "fewer than 20 daily returns"


def test_the_ratios_of_twenty_returns_are_those_of_a_year_of_252_days() -> None:
    found = of_daily_returns(TWENTY).values

    mean = 0.003
    deviation = math.sqrt(sum((value - mean) ** 2 for value in TWENTY) / 19)
    below = math.sqrt((4 * 0.005**2 + 4 * 0.01**2) / 20)
    assert found["volatility"] == pytest.approx(deviation * math.sqrt(252), rel=1e-12)
    assert found["Sharpe ratio"] == pytest.approx(mean / deviation * math.sqrt(252), rel=1e-12)
    assert found["Sortino ratio"] == pytest.approx(mean / below * math.sqrt(252), rel=1e-12)
    assert found["profit factor"] == pytest.approx(2.0, rel=1e-12)
    assert (found["days that gained"], found["days that lost"]) == (8, 8)
    assert found["total return"] == pytest.approx((1.01 * 0.995 * 1.02 * 0.99) ** 4 - 1, rel=1e-12)


def test_volatility_and_sharpe_agree_with_those_of_nautilus() -> None:
    stamps = [int((datetime(2025, 1, 1) + timedelta(days=n)).timestamp() * 1e9) for n in range(len(TWENTY))]
    theirs = dict(zip(stamps, TWENTY, strict=True))

    ours = of_daily_returns(TWENTY).values

    assert ours["volatility"] == pytest.approx(ReturnsVolatility().calculate_from_returns(theirs), rel=1e-9)
    assert ours["Sharpe ratio"] == pytest.approx(SharpeRatio().calculate_from_returns(theirs), rel=1e-9)


def test_days_that_are_all_alike_or_all_gain_say_which_ratio_that_leaves_open() -> None:
    still = of_daily_returns([0.0] * 20)
    rising = of_daily_returns([0.01, 0.02] * 10)

    assert still.not_defined == {
        "Sharpe ratio": "all returns are the same",
        "Sortino ratio": "no day lost",
        "profit factor": "no day lost",
    }
    assert rising.not_defined == dict.fromkeys(("Sortino ratio", "profit factor"), "no day lost")
