"""One expiry's smile as a raw SVI slice, least squares among the slices that are free of static arbitrage."""

from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.polynomial import polynomial
from scipy.optimize import least_squares, minimize

from greeks.normalised_black import Floats

FEWEST_STRIKES = 5  # as many as a slice has parameters

# The fit keeps these distances from the limits, so that rounding, here or in whoever reads the parameters with
# fewer digits, does not cross them. Of g; of total variance over that at the money; of the wings' slopes.
_MARGIN_OF_G = 1e-4
_MARGIN_OF_VARIANCE = 1e-5
_MARGIN_OF_SLOPE = 1e-6
_STEEPEST = 2.0 - 1e-3

# Bounds in units of the deviation at the money; a vertex outside them is a straight line where there are prices.
_LEAST_SIGMA, _MOST_SIGMA = 0.02, 50.0
_FARTHEST_VERTEX = 25.0

_VERTICES = np.array([-2.0, -1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 2.0])
_WIDTHS = np.array([0.1, 0.3, 0.7, 1.5, 4.0])
_WHERE_HELD = np.sinh(np.linspace(-5.5, 5.5, 89))
_ROUNDS = 4
_DENSE = np.linspace(-14.0, 14.0, 1401)


class Svi(NamedTuple):
    """Raw SVI: w(k) = a + b (rho (k - m) + sqrt((k - m)**2 + sigma**2)).

    Attributes
    ----------
    a, b, rho, m, sigma : float
        w is total implied variance and k the natural logarithm of strike over forward.

    Notes
    -----
    Gatheral & Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014), section 3.1.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    @classmethod
    def from_slopes(cls, a: float, right: float, left: float, m: float, sigma: float) -> Self:
        """Make the slice whose wings rise by `right` and `left` per unit of k."""
        b = (right + left) / 2
        return cls(a, b, (right - left) / (right + left) if b > 0 else 0.0, m, sigma)

    def variance(self, k: Floats) -> Floats:
        """Return total implied variance at log-moneyness k."""
        offset = k - self.m
        # (k - m)**2 cannot overflow where it is used; hypot is the slower and more careful way
        result: Floats = self.a + self.b * (self.rho * offset + np.sqrt(offset * offset + self.sigma**2))
        return result

    def g(self, k: Floats) -> Floats:
        """Return Durrleman's function: below zero where the slice implies a negative density.

        g = (1 - k w' / (2 w))**2 - w'**2 / 4 (1 / w + 1 / 4) + w'' / 2, as in Gatheral & Jacquier (2014), 2.1.
        """
        offset = k - self.m
        root = np.sqrt(offset * offset + self.sigma**2)
        w = self.a + self.b * (self.rho * offset + root)
        slope = self.b * (self.rho + offset / root)
        curvature = self.b * self.sigma**2 / root**3
        result: Floats = (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + curvature / 2
        return result

    @property
    def slopes(self) -> tuple[float, float]:
        """How steeply the right and the left wing rise; at most 2 by Lee's moment formula."""
        return self.b * (1 + self.rho), self.b * (1 - self.rho)

    @property
    def least_variance(self) -> float:
        """The lowest total variance of the slice."""
        return self.a + self.b * self.sigma * float(np.sqrt(max(1 - self.rho**2, 0.0)))


class Fit(NamedTuple):
    """A slice, how far it is from the quotes and what its checks found.

    Attributes
    ----------
    slice : Svi
        The parameters.
    rmse, worst_error : float
        Root of the mean square, and largest absolute, difference of implied volatility: 0.01 for one point.
    weighted_rmse : float
        The same mean with the weights of the fit.
    lowest_g : float
        Minimum of Durrleman's function over the whole line, limits of the wings included.
    calendar_margin : float
        Minimum over the whole line of total variance less that of the nearer slice; NaN without one.
    is_free_of_butterfly_arbitrage, is_free_of_calendar_arbitrage : bool
        Whether `lowest_g`, the least variance and the slopes, or `calendar_margin`, allow none.
    """

    slice: Svi
    rmse: float
    worst_error: float
    weighted_rmse: float
    lowest_g: float
    calendar_margin: float
    is_free_of_butterfly_arbitrage: bool
    is_free_of_calendar_arbitrage: bool


def fit(k: Floats, variance: Floats, weights: Floats, years: float, nearer: Svi | None = None) -> Fit | None:
    """Fit a raw SVI slice to one expiry's smile, under the conditions of no static arbitrage.

    Parameters
    ----------
    k : (n,) float64
        Natural logarithm of strike over forward; at least `FEWEST_STRIKES` different ones.
    variance : (n,) float64
        Total implied variance, > 0.
    weights : (n,) float64
        Weight of each squared error of volatility, > 0; only their ratios count.
    years : float
        Time to expiry, > 0.
    nearer : Svi, optional
        The fitted slice of the expiry before, below which this one must not fall.

    Returns
    -------
    Fit or None
        None where no slice that passes all checks was found; never one that fails them.

    Notes
    -----
    Least squares of volatility, linearised about the quotes. The start is that of Zeliade, "Quasi-explicit
    calibration of Gatheral's SVI model" (2009): with vertex m and width sigma given, the rest is linear. From
    there Levenberg-Marquardt; where its slice has arbitrage, sequential quadratic programming with g >= 0 and
    w >= w of the nearer slice at points that grow denser where the checks find a breach. The checks
    (`lowest_g`, `calendar_margin`) look at the whole line and share no code with that.
    """
    problem = _Problem(k, variance, weights, years, nearer)
    found = problem.solve()
    if found is None:
        return None
    volatility = np.sqrt(variance / years)
    errors = np.sqrt(found.variance(k) / years) - volatility
    return Fit(
        found,
        float(np.sqrt(np.mean(errors**2))),
        float(np.max(np.abs(errors))),
        float(np.sqrt(np.average(errors**2, weights=weights))),
        lowest_g(found),
        float("nan") if nearer is None else calendar_margin(found, nearer),
        is_free_of_butterfly_arbitrage(found),
        is_free_of_calendar_arbitrage(found, nearer),
    )


def is_free_of_butterfly_arbitrage(of: Svi) -> bool:
    """Whether a slice's total variance is positive, its wings obey Lee's bound and g is nowhere below zero."""
    # the negation: NaN is no freedom
    return bool(
        np.all(np.isfinite(of))
        and of.b >= 0
        and abs(of.rho) <= 1
        and of.sigma > 0
        and of.least_variance > 0
        and max(of.slopes) <= 2
        and lowest_g(of) >= 0
    )


def is_free_of_calendar_arbitrage(of: Svi, nearer: Svi | None) -> bool:
    """Whether a slice lies nowhere below that of the nearer expiry; true where there is none."""
    return nearer is None or calendar_margin(of, nearer) >= 0


def lowest_g(of: Svi) -> float:
    """Return the minimum of Durrleman's function over all log-moneyness.

    Parameters
    ----------
    of : Svi
        Any slice.

    Returns
    -------
    float
        Of g on a grid, at its limits and at the points where it may change its sign; NaN if the parameters are.

    Notes
    -----
    With k = m + sigma sinh(log(z)), g times a positive function of z is a polynomial of degree 10 in z. Its
    real roots, and those of its derivative, are all places at which g can cross or touch zero.
    """
    right, left = of.slopes
    limits = [1.0 if slope == 0 else (4 - slope**2) / 16 for slope in (right, left)]
    if of.b == 0:
        return 1.0
    numerator = _numerator_of_g(of)
    with np.errstate(all="ignore"):
        roots = np.concatenate([_positive_roots(numerator), _positive_roots(polynomial.polyder(numerator))])
        k = of.m + of.sigma * np.sinh(np.concatenate([_DENSE, np.log(roots)]))
        return float(min(np.min(of.g(k)), *limits))


def calendar_margin(of: Svi, nearer: Svi) -> float:
    """Return the minimum over all log-moneyness of a slice's total variance less that of a nearer one.

    Parameters
    ----------
    of, nearer : Svi
        Two slices.

    Returns
    -------
    float
        Minus infinity where a wing of `of` is less steep.

    Notes
    -----
    Two slices meet where a quartic in k is zero (Gatheral & Jacquier 2014, section 3); between its roots the
    difference has one sign.
    """
    right, left = (mine - its for mine, its in zip(of.slopes, nearer.slopes, strict=True))
    if not (right >= 0 and left >= 0):
        return float("-inf")
    spread = np.sinh(_DENSE)
    crossings = _crossings(of, nearer)
    k = np.concatenate(
        [
            of.m + of.sigma * spread,
            nearer.m + nearer.sigma * spread,
            crossings,
            [(low + high) / 2 for low, high in pairwise(crossings)],
        ]
    )
    return float(np.min(of.variance(k) - nearer.variance(k)))


def _numerator_of_g(of: Svi) -> Floats:
    cosh = np.array([0.5, 0.0, 0.5])  # times z, as all of these
    sinh = np.array([-0.5, 0.0, 0.5])
    one = np.array([0.0, 1.0])
    k = polynomial.polyadd(of.m * one, of.sigma * sinh)
    w = polynomial.polyadd(of.a * one, of.b * of.sigma * (of.rho * sinh + cosh))
    slope = of.b * (of.rho * cosh + sinh)  # over cosh
    first = polynomial.polysub(np.convolve(cosh, w), np.convolve(k, slope) / 2)
    second = polynomial.polyadd(np.convolve(w, one), np.convolve(w, w) / 4)
    third = np.convolve(np.convolve(w, w), [0.0, 0.0, 0.0, of.b / (2 * of.sigma)])
    numerator = np.convolve(
        cosh,
        polynomial.polysub(
            np.convolve(first, first), np.convolve(np.convolve(slope, slope), second)[: 2 * len(first)] / 4
        ),
    )
    result: Floats = polynomial.polyadd(numerator, third)
    return result


def _positive_roots(coefficients: Floats) -> Floats:
    largest = np.max(np.abs(coefficients))
    if not (np.isfinite(largest) and largest > 0):
        return np.empty(0)
    roots = polynomial.polyroots(polynomial.polytrim(coefficients / largest, 1e-300))
    # A double root comes out as a pair beside the real line.
    near = (roots.real > 0) & (np.abs(roots.imag) < 1e-2 * np.abs(roots.real))
    result: Floats = roots.real[near]
    return result


def _crossings(of: Svi, nearer: Svi) -> Floats:
    def square(slice_: Svi) -> Floats:
        return slice_.b**2 * np.array([slice_.m**2 + slice_.sigma**2, -2 * slice_.m, 1.0])

    line = np.array(
        [
            of.a - nearer.a - of.b * of.rho * of.m + nearer.b * nearer.rho * nearer.m,
            of.b * of.rho - nearer.b * nearer.rho,
        ]
    )
    rest = square(nearer) - square(of) - np.convolve(line, line)
    quartic = np.convolve(rest, rest) - 4 * np.convolve(np.convolve(line, line), square(of))
    largest = np.max(np.abs(quartic))
    if not largest > 0:
        return np.empty(0)
    roots = polynomial.polyroots(polynomial.polytrim(quartic / largest, 1e-300))
    result: Floats = np.sort(roots.real[np.abs(roots.imag) < 1e-2 * (1e-9 + np.abs(roots.real))])
    return result


class _Problem:
    """One fit, in units of the deviation at the money: x = k / s, f = w / s**2, slopes of f(x) = those of w / s."""

    def __init__(
        self, k: Floats, variance: Floats, weights: Floats, years: float, nearer: Svi | None
    ) -> None:
        self._deviation = float(np.sqrt(variance[np.argmin(np.abs(k))]))
        s = self._deviation
        self._x = k / s
        self._f = variance / s**2
        # points of volatility per unit of f
        scale = s**2 / (2 * np.sqrt(variance * years)) * 100
        self._scale = scale * np.sqrt(weights / np.mean(weights))
        self._nearer = nearer
        least = np.array([-np.inf, 0.0, 0.0, -_FARTHEST_VERTEX, _LEAST_SIGMA])
        most = np.array([np.inf, _STEEPEST / s, _STEEPEST / s, _FARTHEST_VERTEX, _MOST_SIGMA])
        if nearer is not None:
            least[1:3] = np.array(nearer.slopes) / s + _MARGIN_OF_SLOPE
            most[1:3] = np.maximum(most[1:3], least[1:3])
        self._bounds = least, most

    def solve(self) -> Svi | None:
        start = self._start()
        free = least_squares(
            self._residuals, start, self._residual_slopes, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15,
            max_nfev=200,
        ).x  # fmt: skip
        free[4] = abs(free[4])
        if self._within(free) and self._is_free(slice_ := self._slice(free)):
            return slice_
        return self._solve_held([start, self._clipped(free)])

    def _solve_held(self, starts: list[Floats]) -> Svi | None:
        best: Svi | None = None
        least = np.inf
        for start in starts:
            points = _WHERE_HELD
            for attempt in range(_ROUNDS):
                answer = minimize(
                    self._objective, self._clipped(start), jac=True, method="SLSQP",
                    bounds=list(zip(*self._bounds, strict=True)), options={"maxiter": 100, "ftol": 1e-10},
                    constraints={
                        "type": "ineq",
                        "fun": self._held, "jac": self._held_slopes, "args": (points, 10.0**attempt),
                    },
                )  # fmt: skip
                if not np.all(np.isfinite(answer.x)):
                    break
                found = self._slice(self._clipped(answer.x))
                if self._is_free(found):
                    if answer.fun < least:
                        best, least = found, answer.fun
                    break
                start = answer.x
                points = np.concatenate([points, self._breaches(found)])
        return best

    def _start(self) -> Floats:
        vertices, widths = (axis.ravel() for axis in np.meshgrid(_VERTICES, _WIDTHS))
        offset = self._x - vertices[:, None]
        root = np.hypot(offset, widths[:, None])
        basis = np.stack([np.ones_like(root), (root + offset) / 2, (root - offset) / 2], axis=2)
        weighted = basis * self._scale[:, None]
        target = self._f * self._scale
        normal = np.einsum("gni,gnj->gij", weighted, weighted)
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        linear = np.linalg.solve(normal, np.einsum("gni,n->gi", weighted, target)[..., None])[..., 0]
        low, high = self._bounds
        linear[:, 1:] = np.clip(linear[:, 1:], low[1:3], high[1:3])
        sides = np.einsum("gni,gi->gn", basis[..., 1:], linear[:, 1:])
        linear[:, 0] = np.average(self._f - sides, axis=1, weights=self._scale**2)
        errors = (linear[:, :1] + sides - self._f) * self._scale
        best = int(np.argmin(np.sum(errors**2, axis=1)))
        return np.array([*linear[best], vertices[best], widths[best]])

    def _slice(self, p: Floats) -> Svi:
        s = self._deviation
        return Svi.from_slopes(*(float(value) for value in p * np.array([s * s, s, s, s, s])))

    def _clipped(self, p: Floats) -> Floats:
        result: Floats = np.clip(p, *self._bounds)
        return result

    def _within(self, p: Floats) -> bool:
        least, most = self._bounds
        return bool(np.all((p >= least) & (p <= most)))

    def _is_free(self, found: Svi) -> bool:
        return is_free_of_butterfly_arbitrage(found) and is_free_of_calendar_arbitrage(found, self._nearer)

    def _breaches(self, found: Svi) -> Floats:
        k = found.m + found.sigma * np.sinh(np.linspace(-8.0, 8.0, 321))
        worst = [k[np.argmin(found.g(k))]]
        if self._nearer is not None:
            worst.append(k[np.argmin(found.variance(k) - self._nearer.variance(k))])
        around = np.array([-0.03, 0.0, 0.03])
        return np.concatenate([point / self._deviation + around for point in worst])

    def _terms(self, p: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
        offset = x - p[3]
        root = np.sqrt(offset * offset + p[4] * p[4])
        return offset, root, p[0] + p[1] / 2 * (root + offset) + p[2] / 2 * (root - offset)

    def _slopes_of_variance(self, p: Floats, offset: Floats, root: Floats) -> Floats:
        tilt = offset / root
        return np.stack(
            [
                np.ones_like(root),
                (root + offset) / 2,
                (root - offset) / 2,
                -p[1] / 2 * (tilt + 1) - p[2] / 2 * (tilt - 1),
                (p[1] + p[2]) / 2 * p[4] / root,
            ],
            axis=-1,
        )

    def _residuals(self, p: Floats) -> Floats:
        return (self._terms(p, self._x)[2] - self._f) * self._scale

    def _residual_slopes(self, p: Floats) -> Floats:
        offset, root, _ = self._terms(p, self._x)
        return self._slopes_of_variance(p, offset, root) * self._scale[:, None]

    def _objective(self, p: Floats) -> tuple[float, Floats]:
        offset, root, f = self._terms(p, self._x)
        errors = (f - self._f) * self._scale
        slopes = self._slopes_of_variance(p, offset, root) * self._scale[:, None]
        return float(np.mean(errors**2)), 2 * errors @ slopes / len(errors)

    def _held(self, p: Floats, points: Floats, strictness: float) -> Floats:
        s = self._deviation
        offset, root, f = self._terms(p, points)
        least = p[0] + p[4] * np.sqrt(max(p[1] * p[2], 0.0))
        tilt = offset / root
        slope = p[1] / 2 * (tilt + 1) + p[2] / 2 * (tilt - 1)
        bend = (p[1] + p[2]) / 2 * p[4] ** 2 / root**3
        floor = np.maximum(f, 1e-3)
        g = (1 - points * slope / (2 * floor)) ** 2 - slope**2 / 4 * (1 / floor + s * s / 4) + bend / 2
        held = [[least - 1e-3], g - _MARGIN_OF_G * strictness]
        if self._nearer is not None:
            held.append(f - self._nearer.variance(points * s) / (s * s) - _MARGIN_OF_VARIANCE * strictness)
        return np.concatenate(held)

    def _held_slopes(self, p: Floats, points: Floats, strictness: float) -> Floats:
        s = self._deviation
        offset, root, f = self._terms(p, points)
        tilt = offset / root
        slope = p[1] / 2 * (tilt + 1) + p[2] / 2 * (tilt - 1)
        wide = p[4]
        half = (p[1] + p[2]) / 2
        by_f = self._slopes_of_variance(p, offset, root)
        bend = wide**2 / root**3
        by_slope = np.stack(
            [
                np.zeros_like(root),
                (tilt + 1) / 2,
                (tilt - 1) / 2,
                -half * bend,
                -half * offset * wide / root**3,
            ],
            axis=-1,
        )
        by_bend = np.stack(
            [
                np.zeros_like(root),
                bend / 2,
                bend / 2,
                3 * half * wide**2 * offset / root**5,
                half * (2 * wide / root**3 - 3 * wide**3 / root**5),
            ],
            axis=-1,
        )
        floor = np.maximum(f, 1e-3)
        moves = (f > 1e-3)[:, None]
        f_ = floor[:, None]
        first = 1 - points * slope / (2 * floor)
        by_first = -points[:, None] / 2 * (by_slope / f_ - slope[:, None] / f_**2 * by_f * moves)
        by_g = (
            2 * first[:, None] * by_first
            - slope[:, None] / 2 * by_slope * (1 / f_ + s * s / 4)
            + slope[:, None] ** 2 / 4 / f_**2 * by_f * moves
            + by_bend / 2
        )
        product = np.sqrt(max(p[1] * p[2], 1e-12))
        by_least = np.array([1.0, p[4] * p[2] / (2 * product), p[4] * p[1] / (2 * product), 0.0, product])
        rows = [by_least[None, :], by_g]
        if self._nearer is not None:
            rows.append(by_f)
        return np.concatenate(rows)
