"""The volatility surface of daily slices: smiles read back, fitted by expiry, and nodes between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from math import exp, log, sqrt
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import psycopg2.extensions
import structlog
from psycopg2.extras import execute_values
from scipy.optimize import brentq
from scipy.special import ndtri

from greeks.black_scholes import DAYS_OF_A_YEAR
from greeks.normalised_black import Floats
from greeks.svi import FEWEST_STRIKES, Fit, Svi, fit

logger = structlog.get_logger()

INTERVALS = ("day", "built day")
TENORS_DAYS = (7, 30, 60, 90)
DELTAS = (-0.10, -0.25, 0.50, 0.25, 0.10)
"""Black deltas in units of the forward, not discounted: of a put below zero, of a call above."""

# In log-moneyness. A wing nearly as steep as allowed reaches a delta only at strikes too large for any
# number.
_FARTHEST_NODE = 100.0
LEAST_SPREAD = 0.5  # of the strikes' log-moneyness, in standard deviations at the money


@dataclass(frozen=True)
class Smile:
    """Options out of the money of one expiry, session and kind of premium, in ascending order of strike.

    Attributes
    ----------
    session_date, expiry : datetime.date
        Exchange dates.
    bar_end : datetime.datetime
        When the last of the quotes became known.
    years : float
        Time to expiry of the quote nearest to it; NaN without quotes.
    forward : float
        Forward price of that quote; NaN without quotes.
    strike : (n,) float64
        Strikes.
    k : (n,) float64
        Natural logarithm of strike over forward, at each quote's own moment.
    volatility, vega : (n,) float64
        Implied volatility and vega per percentage point.
    is_traded : bool
        False where the premiums are the exchange's settlement prices, which are computed and not traded, and
        have a forward of their own.
    """

    session_date: date
    expiry: date
    bar_end: datetime
    years: float
    forward: float
    strike: Floats
    k: Floats
    volatility: Floats
    vega: Floats
    is_traded: bool


class FittedSmile(NamedTuple):
    """What became of a smile.

    Attributes
    ----------
    smile : Smile
        The quotes that were used, or would have been.
    fit : Fit or None
        None unless the status is `ok`.
    nearer : FittedSmile or None
        The nearest fitted expiry before, above which the slice was held.
    status : str
        `ok`, `too_few_strikes`, `too_narrow` or `no_arbitrage_free_fit`.
    """

    smile: Smile
    fit: Fit | None
    nearer: "FittedSmile | None"
    status: str


class Node(NamedTuple):
    """The surface at a tenor and a delta; None where no fits enclose the tenor or no strike has the delta.

    Attributes
    ----------
    tenor_days : int
        Calendar days.
    delta : float
        One of `DELTAS`.
    earlier_expiry, later_expiry : datetime.date or None
        The fitted expiries on both sides; one that falls on the tenor is the earlier and needs no later.
    forward_price, strike, log_moneyness : float or None
        The forward to the tenor and where the node lies.
    implied_volatility, total_variance, atm_implied_volatility : float or None
        At the node, and at the forward of the same tenor.
    is_extrapolated : bool or None
        Whether the node lies outside the strikes that one of its fits is made from.
    """

    tenor_days: int
    delta: float
    earlier_expiry: date | None = None
    later_expiry: date | None = None
    forward_price: float | None = None
    strike: float | None = None
    log_moneyness: float | None = None
    implied_volatility: float | None = None
    total_variance: float | None = None
    atm_implied_volatility: float | None = None
    is_extrapolated: bool | None = None


def replace_surfaces(
    cursor: psycopg2.extensions.cursor,
    exchange: str,
    underlying: str,
    bar_interval: str,
    dates: Sequence[date],
    bar_range: tuple[datetime, datetime],
) -> None:
    """Fit slices anew and replace their fits and nodes, in the caller's transaction.

    Parameters
    ----------
    cursor : psycopg2 cursor
        Of the connection that has just written the slices' Greeks.
    exchange, underlying, bar_interval : str
        Of the slices; nothing happens unless the interval is one of `INTERVALS`.
    dates : sequence of datetime.date
        Session dates; where a slice has no Greeks any more its surface is deleted.
    bar_range : (datetime, datetime)
        The bars of these dates start in it.
    """
    if bar_interval not in INTERVALS:
        return
    started = monotonic()
    for table in ("volatility_fits", "volatility_nodes"):
        cursor.execute(
            f"delete from enrichment.{table}"
            " where exchange = %s and underlying = %s and bar_interval = %s and session_date = any(%s)",
            (exchange, underlying, bar_interval, list(dates)),
        )
    slice_of = (exchange, underlying, bar_interval)
    fits, nodes = [], []
    for session_date, smiles in groupby(
        _smiles(cursor, exchange, underlying, bar_interval, dates, bar_range),
        key=lambda smile: smile.session_date,
    ):
        fitted = fit_expiries(list(smiles))
        fits += [(*slice_of, *_row_of_fit(found)) for found in fitted]
        if any(found.fit for found in fitted):
            bar_end = max(found.smile.bar_end for found in fitted)
            nodes += [(*slice_of, session_date, bar_end, *node) for node in nodes_between(fitted)]
    execute_values(cursor, f"insert into enrichment.volatility_fits ({', '.join(_FIT)}) values %s", fits)
    execute_values(cursor, f"insert into enrichment.volatility_nodes ({', '.join(_NODE)}) values %s", nodes)
    logger.debug(
        "surfaces_fitted",
        exchange=exchange,
        underlying=underlying,
        bar_interval=bar_interval,
        sessions=len(dates),
        fits=len(fits),
        seconds=round(monotonic() - started, 3),
    )


def fit_expiries(smiles: Sequence[Smile]) -> list[FittedSmile]:
    """Fit the smiles of one session from the near expiry to the far, each above the one before.

    Parameters
    ----------
    smiles : sequence of Smile
        Of one chain and session, in any order; for each expiry one of each kind of premium, or only one kind.

    Returns
    -------
    list of FittedSmile
        One per expiry, by time to expiry; those without quotes last.

    Notes ----- A fit uses traded options if these have `FEWEST_STRIKES` and `LEAST_SPREAD`, else options with
    a settlement price if those do; never both in one fit, because the exchange computes its prices from
    another forward and other volatilities. Squared errors of volatility are weighted by vega. That is half
    way between errors of volatility, which let options of a few paise decide, and errors of premium (vega
    squared), in which the wings are lost.
    """
    fitted: list[FittedSmile] = []
    nearer: FittedSmile | None = None
    by_expiry = sorted(smiles, key=lambda smile: smile.expiry)
    of_expiries = [_best_kind(list(kinds)) for _, kinds in groupby(by_expiry, key=lambda smile: smile.expiry)]
    for smile in sorted(of_expiries, key=lambda smile: (np.isnan(smile.years), smile.years)):
        status = _shortfall(smile)
        found = _fit(smile, nearer) if status == "ok" else None
        if status == "ok" and found is None:
            status = "no_arbitrage_free_fit"
        fitted.append(FittedSmile(smile, found, nearer, status))
        if found is not None:
            nearer = fitted[-1]
    return fitted


def nodes_between(fitted: Sequence[FittedSmile]) -> list[Node]:
    """Read the surface at all tenors and deltas.

    Parameters
    ----------
    fitted : sequence of FittedSmile
        Of one session, as `fit_expiries` returns them.

    Returns
    -------
    list of Node
        One per tenor and delta.

    Notes
    -----
    Total variance is linear in time at constant log-moneyness, so that it nowhere falls with time, and the
    forward's logarithm is linear too. A node lies where Black's N(d1) is the delta of the call of its strike.
    """
    found = [(each.smile, each.fit.slice) for each in fitted if each.fit is not None]
    return [
        _node(found, tenor, delta, line)
        for tenor in TENORS_DAYS
        for line in [_line(found, tenor)]
        for delta in DELTAS
    ]


class _Line(NamedTuple):
    """Two fits, or one twice, and how far the tenor is from the first to the second."""

    earlier: tuple[Smile, Svi]
    later: tuple[Smile, Svi]
    share: float

    def variance(self, k: float) -> float:
        return (1 - self.share) * _variance(self.earlier[1], k) + self.share * _variance(self.later[1], k)


def _variance(of: Svi, k: float) -> float:
    offset = k - of.m
    return of.a + of.b * (of.rho * offset + sqrt(offset * offset + of.sigma * of.sigma))


def _line(found: Sequence[tuple[Smile, Svi]], tenor_days: int) -> _Line | None:
    years = tenor_days / DAYS_OF_A_YEAR
    earlier = [each for each in found if each[0].years <= years]
    later = [each for each in found if each[0].years > years]
    if earlier and earlier[-1][0].years == years:
        return _Line(earlier[-1], earlier[-1], 0.0)
    if not (earlier and later):
        return None
    first, second = earlier[-1], later[0]
    return _Line(first, second, (years - first[0].years) / (second[0].years - first[0].years))


def _node(found: Sequence[tuple[Smile, Svi]], tenor_days: int, delta: float, line: _Line | None) -> Node:
    years = tenor_days / DAYS_OF_A_YEAR
    if line is None:
        earlier = [smile.expiry for smile, _ in found if smile.years <= years]
        later = [smile.expiry for smile, _ in found if smile.years > years]
        return Node(tenor_days, delta, earlier[-1] if earlier else None, later[0] if later else None)
    (first, _), (second, _) = line.earlier, line.later
    k = _log_moneyness(line, delta)
    if k is None:
        return Node(tenor_days, delta, first.expiry, second.expiry)
    forward = exp((1 - line.share) * log(first.forward) + line.share * log(second.forward))
    variance = line.variance(k)
    return Node(
        tenor_days,
        delta,
        first.expiry,
        None if second is first else second.expiry,
        forward,
        forward * exp(k),
        k,
        sqrt(variance / years),
        variance,
        sqrt(line.variance(0.0) / years),
        not max(first.k[0], second.k[0]) <= k <= min(first.k[-1], second.k[-1]),
    )


def _log_moneyness(line: _Line, delta: float) -> float | None:
    d1 = float(ndtri(delta if delta > 0 else 1 + delta))

    def excess(k: float) -> float:
        deviation = sqrt(line.variance(k))
        return -k / deviation + deviation / 2 - d1

    reach = 4 * (1 + abs(d1)) * sqrt(line.variance(0.0))
    while reach < _FARTHEST_NODE:
        if excess(-reach) > 0 > excess(reach):
            return float(brentq(excess, -reach, reach, xtol=1e-14, rtol=1e-14))
        reach *= 2
    return None


def _best_kind(kinds: Sequence[Smile]) -> Smile:
    by_rank = sorted(kinds, key=lambda smile: not smile.is_traded)
    can_be_fitted = [smile for smile in by_rank if _shortfall(smile) == "ok"]
    has_quotes = [smile for smile in by_rank if len(smile.strike)]
    return (can_be_fitted or has_quotes or by_rank)[0]


def _shortfall(smile: Smile) -> str:
    if len(np.unique(smile.strike)) < FEWEST_STRIKES:
        return "too_few_strikes"
    at_the_money = smile.volatility[np.argmin(np.abs(smile.k))] * sqrt(smile.years)
    return "ok" if np.ptp(smile.k) >= LEAST_SPREAD * at_the_money else "too_narrow"


def _fit(smile: Smile, nearer: FittedSmile | None) -> Fit | None:
    above = nearer.fit.slice if nearer is not None and nearer.fit is not None else None
    try:
        with np.errstate(all="ignore"):
            return fit(smile.k, smile.volatility**2 * smile.years, smile.vega, smile.years, above)
    except (ArithmeticError, ValueError, RuntimeError) as error:
        # a smile that cannot be fitted is a row that says so, and no reason to withhold the Greeks
        logger.warning(
            "smile_not_fitted",
            session_date=str(smile.session_date),
            expiry=str(smile.expiry),
            error=str(error),
        )
        return None


def _smiles(
    cursor: psycopg2.extensions.cursor,
    exchange: str,
    underlying: str,
    bar_interval: str,
    dates: Sequence[date],
    bar_range: tuple[datetime, datetime],
) -> Iterator[Smile]:
    cursor.execute(
        """
        with quotes as (
            select *
            from intermediate.smile_quotes
            where exchange = %(exchange)s and underlying = %(underlying)s
                and bar_interval = %(bar_interval)s
                and session_date = any(%(dates)s)
                and bar_start >= %(first)s and bar_start < %(last)s
        ),
        judged as (
            select
                *,
                coalesce(
                    greeks_status = 'ok' and vega > 0 and years_to_expiry > 0
                    and strike > 0 and forward_price > 0
                    and option_type = case when strike < forward_price then 'PE' else 'CE' end,
                    false
                ) as is_usable
            from quotes
        )
        select
            session_date,
            expiry,
            is_traded,
            max(bar_end),
            (array_agg(years_to_expiry order by years_to_expiry, strike) filter (where is_usable))[1],
            (array_agg(forward_price order by years_to_expiry, strike) filter (where is_usable))[1],
            array_agg(strike order by strike, contract_id) filter (where is_usable),
            array_agg(ln(strike / forward_price) order by strike, contract_id) filter (where is_usable),
            array_agg(implied_volatility order by strike, contract_id) filter (where is_usable),
            array_agg(vega order by strike, contract_id) filter (where is_usable)
        from judged
        group by session_date, expiry, is_traded
        order by session_date, expiry, is_traded
        """,
        {
            "exchange": exchange,
            "underlying": underlying,
            "bar_interval": bar_interval,
            "dates": list(dates),
            "first": bar_range[0],
            "last": bar_range[1],
        },
    )
    for session_date, expiry, is_traded, bar_end, years, forward, *quotes in cursor.fetchall():
        strike, k, volatility, vega = (np.array(column or [], np.float64) for column in quotes)
        yield Smile(
            session_date,
            expiry,
            bar_end,
            float("nan") if years is None else years,
            float("nan") if forward is None else forward,
            strike,
            k,
            volatility,
            vega,
            is_traded,
        )


_FIT = (
    "exchange", "underlying", "bar_interval", "session_date", "expiry", "bar_end", "years_to_expiry",
    "forward_price", "fit_status", "strikes", "traded_strikes", "lowest_strike", "highest_strike",
    "lowest_log_moneyness", "highest_log_moneyness", "a", "b", "rho", "m", "sigma", "rmse",
    "weighted_rmse", "worst_error", "lowest_g", "nearer_expiry", "calendar_margin",
    "is_free_of_butterfly_arbitrage", "is_free_of_calendar_arbitrage",
)  # fmt: skip
_NODE = ("exchange", "underlying", "bar_interval", "session_date", "bar_end", *Node._fields)


def _row_of_fit(found: FittedSmile) -> tuple[Any, ...]:
    smile, fitted = found.smile, found.fit
    has_quotes = len(smile.strike) > 0
    ends = (
        [float(column[end]) for column in (smile.strike, smile.k) for end in (0, -1)]
        if has_quotes
        else [None] * 4
    )
    row: tuple[Any, ...] = (
        smile.session_date,
        smile.expiry,
        smile.bar_end,
        smile.years if has_quotes else None,
        smile.forward if has_quotes else None,
        found.status,
        len(smile.strike),
        len(smile.strike) if smile.is_traded else 0,
        *ends,
    )
    if fitted is None:
        return (*row, *[None] * (len(_FIT) - 3 - len(row)))
    nearer = found.nearer
    return (
        *row,
        *fitted.slice,
        fitted.rmse,
        fitted.weighted_rmse,
        fitted.worst_error,
        fitted.lowest_g,
        None if nearer is None else nearer.smile.expiry,
        None if nearer is None else fitted.calendar_margin,
        fitted.is_free_of_butterfly_arbitrage,
        fitted.is_free_of_calendar_arbitrage,
    )
