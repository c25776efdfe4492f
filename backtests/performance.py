"""What came of a backtest in figures: per position, and per day's return; the two are never mixed.

A day's return is of the account, open positions at the day's last close included, over all days with bars; a
position's profit is in money. So a session with 35 winning positions of 100 can still be one losing day.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FEWEST_RETURNS = 20
SESSIONS_A_YEAR = 252


@dataclass(frozen=True)
class Statistics:
    """Figures of one kind of thing.

    Attributes
    ----------
    values : dict of str to float or None
        By name, in the order to show them; None for one that is not defined.
    not_defined : dict of str to str
        Why, for each of those.
    """

    values: dict[str, float | None] = field(default_factory=dict)
    not_defined: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float | None, why_not: str = "") -> None:
        """Add a figure, or the reason why there is none."""
        self.values[name] = value
        if value is None:
            self.not_defined[name] = why_not


def of_positions(profits: Sequence[float]) -> Statistics:
    """Return what the closed positions of a backtest won and lost.

    Parameters
    ----------
    profits : sequence of float
        Realised profit of each position, in the account's currency; one of zero neither wins nor loses.

    Returns
    -------
    Statistics
        Numbers, shares and means per position; `profit factor` is what winners won over what losers lost.
    """
    winners = [profit for profit in profits if profit > 0]
    losers = [profit for profit in profits if profit < 0]
    found = Statistics()
    found.add("positions", len(profits))
    found.add("winners", len(winners))
    found.add("losers", len(losers))
    found.add("win rate", len(winners) / len(profits) if profits else None, "no position")
    found.add("average winner", _mean(winners), "no position won")
    found.add("average loser", _mean(losers), "no position lost")
    found.add("largest winner", max(winners, default=None), "no position won")
    found.add("largest loser", min(losers, default=None), "no position lost")
    found.add("expectancy", _mean(profits), "no position")
    found.add("profit factor", -sum(winners) / sum(losers) if losers else None, "no position lost")
    return found


def of_daily_returns(returns: Sequence[float]) -> Statistics:
    """Return how the account's daily returns behaved.

    Parameters
    ----------
    returns : sequence of float
        One a day with bars, as a fraction of the account at the end of the day before.

    Returns
    -------
    Statistics
        `volatility` (sample deviation), `Sharpe ratio` (over a rate of nothing) and `Sortino ratio` (the
        deviation below zero, over all days) are a year's, of 252 days; `profit factor` is the sum of the
        gains over that of the losses. None of the four is defined of fewer than 20 returns.
    """
    days = np.asarray(returns, dtype=float)
    gains, losses = days[days > 0].sum(), -days[days < 0].sum()
    found = Statistics()
    found.add("returns", len(days))
    found.add("days that gained", int((days > 0).sum()))
    found.add("days that lost", int((days < 0).sum()))
    found.add("total return", float(np.prod(1 + days) - 1) if len(days) else None, "no day")
    found.add("best day", float(days.max()) if len(days) else None, "no day")
    found.add("worst day", float(days.min()) if len(days) else None, "no day")
    if len(days) < FEWEST_RETURNS:
        for name in ("volatility", "Sharpe ratio", "Sortino ratio", "profit factor"):
            found.add(name, None, f"fewer than {FEWEST_RETURNS} daily returns")
        return found
    year = math.sqrt(SESSIONS_A_YEAR)
    mean, deviation = float(days.mean()), float(days.std(ddof=1))
    below = math.sqrt(float((np.minimum(days, 0) ** 2).mean()))
    found.add("volatility", deviation * year)
    found.add("Sharpe ratio", mean / deviation * year if deviation else None, "all returns are the same")
    found.add("Sortino ratio", mean / below * year if below else None, "no day lost")
    found.add("profit factor", float(gains / losses) if losses else None, "no day lost")
    return found


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
