"""One expiry's smile as a raw SVI slice, least squares among the slices that are free of static arbitrage."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import NamedTuple, Self, cast

import numpy as np
from numpy.polynomial import polynomial
from scipy.linalg.lapack import dpotrf, dtrtri
from scipy.optimize import leastsq, nnls

from greeks.normalised_black import Floats

FEWEST_STRIKES = 5  # as many as a slice has parameters

# The fit keeps these distances from the limits, so that rounding, here or by whoever reads the parameters
# with fewer digits, does not cross them. They are distances of g, of variance over that at the money, and of
# the wings' slopes.
_MARGIN_OF_G = 1e-3
_MARGIN_OF_VARIANCE = 4e-4
_MARGIN_OF_SLOPE = 1e-6
_STEEPEST = 2.0 - 1e-3

# Bounds in units of the deviation at the money; a vertex outside them is a straight line between the quotes.
_LEAST_SIGMA, _MOST_SIGMA = 0.05, 50.0
_FARTHEST_VERTEX = 25.0
_LEAST_VARIANCE = 1e-3

_VERTICES = np.array([-2.0, -1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 2.0])
_WIDTHS = np.array([0.1, 0.3, 0.7, 1.5, 4.0])
_WHERE_HELD = np.concatenate([[-1e4], np.sinh(np.linspace(-5.0, 5.0, 101)), [1e4]])

_FEW_EVALUATIONS = 20  # tell whether the quotes as they are lead to a slice without arbitrage
_ROUNDS = 5
_MOST_STEPS = 60
_MOST_DAMPING = 1e9  # its steps would move nothing
_BREACH_COSTS = 1e3  # points of volatility squared per unit of a breach
_ELASTICITY = 1e6

_DENSE = np.linspace(-14.0, 14.0, 701)
_MOST_DIPS = 5


class Svi(NamedTuple):
    """Raw SVI: w(k) = a + b (rho (k - m) + sqrt((k - m)**2 + sigma**2)).

    Attributes
    ----------
    a, b, rho, m, sigma : float
        w is total implied variance and k the natural logarithm of strike over forward.

    Notes
    -----
    Gatheral & Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014), 3.1.
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
        result: Floats = self.a + self.b * (self.rho * offset + np.sqrt(offset * offset + self.sigma**2))
        return result

    def g(self, k: Floats) -> Floats:
        """Return Durrleman's function: below zero where the slice implies a negative density.

        g = (1 - k w' / (2 w))**2 - w'**2 / 4 (1 / w + 1 / 4) + w'' / 2: Gatheral & Jacquier (2014), 2.2.
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
        Whether `lowest_g`, the least variance and the slopes rule out the former, `calendar_margin` the
        latter.
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
    there it goes on by Levenberg-Marquardt or, where that slice has arbitrage, by sequential quadratic
    programming with g >= 0 and w >= w of the nearer slice at points that grow denser where the checks find a
    breach. The checks (`lowest_g`, `calendar_margin`) look at the whole line and share no code with that.
    """
    found = _Problem(k, variance, weights, years, nearer).solve()
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
    """Whether total variance is positive, the wings obey Lee's bound and g is nowhere below zero."""
    # negated, because NaN must not count as free of arbitrage
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


@lru_cache(maxsize=8)  # asked for while a slice is sought and when it is found
def lowest_g(of: Svi) -> float:
    """Return the minimum of Durrleman's function over all log-moneyness.

    Parameters
    ----------
    of : Svi
        Any slice.

    Returns
    -------
    float
        The minimum of g on a grid, at its limits and where it may change its sign; NaN if a parameter is NaN.

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
        roots = np.concatenate(
            [_positive_roots(numerator), _positive_roots(cast(Floats, polynomial.polyder(numerator)))]
        )
        k = of.m + of.sigma * np.sinh(np.concatenate([_DENSE, np.log(roots)]))
        return min(_least(of.g, k), *limits)


@lru_cache(maxsize=8)
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
    return _least(lambda k: of.variance(k) - nearer.variance(k), k)


def _least(function: Callable[[Floats], Floats], k: Floats) -> float:
    points = np.sort(k)
    values = function(points)
    least = float(np.min(values))
    padded = np.concatenate([[np.inf], values, [np.inf]])
    dips = np.flatnonzero((values <= padded[:-2]) & (values <= padded[2:]))
    for dip in dips[np.argsort(values[dips])][:_MOST_DIPS]:
        near, low, high = points, max(dip - 1, 0), min(dip + 1, len(points) - 1)
        for _ in range(3):
            near = np.linspace(near[low], near[high], 21)
            found = function(near)
            lowest = int(np.argmin(found))
            low, high = max(lowest - 1, 0), min(lowest + 1, len(near) - 1)
            least = min(least, float(found[lowest]))
    return least


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
        polynomial.polysub(np.convolve(first, first), np.convolve(np.convolve(slope, slope), second) / 4),
    )
    return cast(Floats, polynomial.polyadd(numerator, third))


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
    if largest == 0 or np.isnan(largest):
        return np.empty(0)
    roots = polynomial.polyroots(polynomial.polytrim(quartic / largest, 1e-300))
    result: Floats = np.sort(roots.real[np.abs(roots.imag) < 1e-2 * (1e-9 + np.abs(roots.real))])
    return result


class _Conditions:
    """g and the height above the nearer slice at chosen points, less their margins, and their derivatives."""

    def __init__(self, points: Floats, deviation: float, nearer: Svi | None, strictness: float) -> None:
        self.points = points
        self._quarter = deviation**2 / 4
        self._margin = _MARGIN_OF_G * strictness
        self._floor = (
            None
            if nearer is None
            else nearer.variance(points * deviation) / deviation**2 + _MARGIN_OF_VARIANCE * strictness
        )
        self._size = 1 + len(points) * (1 if nearer is None else 2)

    def values(self, p: Floats, offset: Floats, root: Floats, f: Floats) -> Floats:
        """Return what must not be below zero, from what `_variance` says of the points."""
        a, right, left, _, sigma = p.tolist()
        count = len(self.points)
        half = (right + left) / 2
        slope = (right - left) / 2 + half * (offset / root)
        inverse = 1 / np.maximum(f, _LEAST_VARIANCE)
        first = 1 - self.points * slope * inverse / 2
        result = np.empty(self._size)
        result[0] = a + sigma * sqrt(right * left) - _LEAST_VARIANCE
        result[1 : count + 1] = (
            first * first
            - slope * slope / 4 * (inverse + self._quarter)
            + half / 2 * sigma**2 / (root * root * root)
            - self._margin
        )
        if self._floor is not None:
            np.subtract(f, self._floor, out=result[count + 1 :])
        return result

    def derivatives(self, p: Floats, offset: Floats, root: Floats, f: Floats, by_f: Floats) -> Floats:
        """Return the derivatives of `values`, also from the derivatives that `_variance` returns."""
        _, right, left, _, sigma = p.tolist()
        count = len(self.points)
        half = (right + left) / 2
        tilt = offset / root
        slope = (right - left) / 2 + half * tilt
        inverse = 1 / np.maximum(f, _LEAST_VARIANCE)
        tight = 1 / (root * root)
        bend = sigma**2 * tight / root
        first = 1 - self.points * slope * inverse / 2
        g_by_slope = -first * self.points * inverse - slope / 2 * (inverse + self._quarter)
        g_by_f = (first * self.points + slope / 4) * slope * inverse * inverse * (f > _LEAST_VARIANCE)
        result = np.empty((self._size, 5))
        mean = sqrt(max(right * left, 1e-12))
        result[0] = 1.0, sigma * left / (2 * mean), sigma * right / (2 * mean), 0.0, mean
        by_g = result[1 : count + 1]
        np.multiply(g_by_f[:, None], by_f, out=by_g)
        by_g[:, 1] += g_by_slope * (tilt + 1) / 2 + bend / 4
        by_g[:, 2] += g_by_slope * (tilt - 1) / 2 + bend / 4
        by_g[:, 3] += half * bend * (1.5 * offset * tight - g_by_slope)
        by_g[:, 4] += half * sigma * tight / root * (1 - 1.5 * sigma**2 * tight - g_by_slope * offset)
        if self._floor is not None:
            result[count + 1 :] = by_f
        return result


class _Problem:
    """One fit, in units of the deviation at the money s: x = k / s, f = w / s**2.

    Parameters are a, the slopes of the right and of the left wing, m and sigma of f(x). This way bounds on
    slopes are bounds on parameters, and so is the order of two slices' wings.
    """

    def __init__(
        self, k: Floats, variance: Floats, weights: Floats, years: float, nearer: Svi | None
    ) -> None:
        s = float(np.sqrt(variance[np.argmin(np.abs(k))]))
        self._deviation = s
        self._x = k / s
        self._f = variance / s**2
        points_of_volatility = 100 * s**2 / (2 * np.sqrt(variance * years))
        self._scale = points_of_volatility * np.sqrt(weights / np.sum(weights))
        self._nearer = nearer
        least = np.array([-1e6, 0.0, 0.0, -_FARTHEST_VERTEX, _LEAST_SIGMA])
        most = np.array([1e6, _STEEPEST / s, _STEEPEST / s, _FARTHEST_VERTEX, _MOST_SIGMA])
        if nearer is not None:
            least[1:3] = np.array(nearer.slopes) / s + _MARGIN_OF_SLOPE
            most[1:3] = np.maximum(most[1:3], least[1:3])
        self._bounds = least, most

    def solve(self) -> Svi | None:
        start = self._start()
        free = self._free(start, _FEW_EVALUATIONS)
        if self._is_within(free):
            free = self._free(free, 10 * _FEW_EVALUATIONS)
            if self._is_within(free):
                return self._slice(free)
        least, most = self._bounds
        for first in (start, np.clip(free, least, most), *self._above_the_nearer()):
            if (held := self._held_from(first)) is not None:
                return held
        return None

    def _start(self) -> Floats:
        least, most = self._bounds
        vertices, widths = (axis.ravel() for axis in np.meshgrid(_VERTICES, _WIDTHS))
        offset = self._x - vertices[:, None]
        root = np.hypot(offset, widths[:, None])
        basis = np.stack([np.ones_like(root), (root + offset) / 2, (root - offset) / 2], axis=2)
        weighted = basis * self._scale[:, None]
        normal = np.einsum("gni,gnj->gij", weighted, weighted)
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        target = np.einsum("gni,n->gi", weighted, self._f * self._scale)
        linear = np.linalg.solve(normal, target[..., None])[..., 0]
        linear[:, 1:] = np.clip(linear[:, 1:], least[1:3], most[1:3])
        sides = np.einsum("gni,gi->gn", basis[..., 1:], linear[:, 1:])
        linear[:, 0] = np.average(self._f - sides, axis=1, weights=self._scale**2)
        errors = (linear[:, :1] + sides - self._f) * self._scale
        best = int(np.argmin(np.sum(errors**2, axis=1)))
        return np.array([*linear[best], vertices[best], widths[best]])

    def _above_the_nearer(self) -> list[Floats]:
        if self._nearer is None:
            return []
        s = self._deviation
        a, _, _, m, sigma = self._nearer
        lifted = np.array([a / s**2, *(np.array(self._nearer.slopes) / s), m / s, sigma / s])
        lifted[0] += max(1 - float(self._nearer.variance(np.zeros(1))[0]) / s**2, 0.0)
        return [lifted]

    def _held_from(self, p: Floats) -> Svi | None:
        points = _WHERE_HELD
        for attempt in range(_ROUNDS):
            p = self._descend(
                np.clip(p, *self._bounds),
                _Conditions(points, self._deviation, self._nearer, 3.0**attempt),
            )
            found = self._slice(p)
            if self._is_free(found):
                return found
            points = np.concatenate([points, self._breaches(found)])
        return None

    def _descend(self, p: Floats, conditions: _Conditions) -> Floats:
        least, most = self._bounds
        # Quotes and points in one array: at this size a call costs more than its arithmetic.
        x, quotes = np.concatenate([self._x, conditions.points]), len(self._x)

        def judged(at: Floats) -> _Judged:
            offset, root, f = of_all = _variance(at, x)
            errors = (f[:quotes] - self._f) * self._scale
            held = conditions.values(at, offset[quotes:], root[quotes:], f[quotes:])
            breach = np.minimum(held, 0.0)
            worth = errors @ errors + _BREACH_COSTS * (breach @ breach - breach.sum())
            return _Judged(float(worth), errors, held, of_all)

        now = judged(p)
        damping = 1e-2
        steps = idle = 0
        while idle < 2:
            offset, root, f = now.variance
            by_f = _variance_by_parameter(p, offset, root)
            by_p = by_f[:quotes] * self._scale[:, None]
            held_by_p = conditions.derivatives(p, offset[quotes:], root[quotes:], f[quotes:], by_f[quotes:])
            linearised = _LinearisedProblem(by_p, now.errors, held_by_p, least - p, most - p)
            while True:
                steps += 1
                if steps > _MOST_STEPS or damping > _MOST_DAMPING:
                    return p
                linearised.damp(damping)
                trial = np.minimum(np.maximum(p + linearised.step(now.held), least), most)
                found = judged(trial)
                if found.worth >= now.worth:
                    # What the curvature of the conditions took away is given back: a second-order correction.
                    corrected = p + linearised.step(found.held - held_by_p @ (trial - p))
                    trial = np.minimum(np.maximum(corrected, least), most)
                    found = judged(trial)
                if found.worth < now.worth:
                    break
                damping *= 8.0
            idle = idle + 1 if now.worth - found.worth <= 5e-3 * now.worth + 1e-12 else 0
            p, now = trial, found
            damping = max(damping / 4.0, 1e-9)
        return p

    def _breaches(self, found: Svi) -> Floats:
        k = found.m + found.sigma * np.sinh(np.linspace(-8.0, 8.0, 321))
        worst = [k[np.argmin(found.g(k))]]
        if self._nearer is not None:
            worst.append(k[np.argmin(found.variance(k) - self._nearer.variance(k))])
        around = np.array([-0.03, 0.0, 0.03])
        return np.concatenate([point / self._deviation + around for point in worst])

    def _slice(self, p: Floats) -> Svi:
        s = self._deviation
        return Svi.from_slopes(*(float(value) for value in p * np.array([s * s, s, s, s, s])))

    def _free(self, start: Floats, evaluations: int) -> Floats:
        p, *_ = leastsq(
            self._errors, start, Dfun=self._errors_by_parameter, ftol=1e-13, xtol=1e-13, maxfev=evaluations,
            full_output=True,
        )  # fmt: skip
        p[4] = abs(p[4])
        return cast(Floats, p)

    def _is_within(self, p: Floats) -> bool:
        least, most = self._bounds
        return bool(np.all((p >= least) & (p <= most))) and self._is_free(self._slice(p))

    def _is_free(self, found: Svi) -> bool:
        return (
            # most slices that fail do so here, before any roots are sought
            bool(np.all(found.g(_WHERE_HELD * self._deviation) >= 0))
            and is_free_of_butterfly_arbitrage(found)
            and is_free_of_calendar_arbitrage(found, self._nearer)
        )

    def _errors(self, p: Floats) -> Floats:
        result: Floats = (_variance(p, self._x)[2] - self._f) * self._scale
        return result

    def _errors_by_parameter(self, p: Floats) -> Floats:
        offset, root, _ = _variance(p, self._x)
        return _variance_by_parameter(p, offset, root) * self._scale[:, None]


class _Judged(NamedTuple):
    worth: float
    errors: Floats
    held: Floats
    variance: tuple[Floats, Floats, Floats]


class _LinearisedProblem:
    """Least |by_p d + errors|, damped: held + held_by_p d >= 0 as far as possible, least <= d <= most.

    A least-distance problem by non-negative least squares: Lawson & Hanson, "Solving Least Squares Problems"
    (1974), chapter 23. A sixth unknown, dear, gives way where the linearised conditions contradict each
    other.
    """

    def __init__(self, by_p: Floats, errors: Floats, held_by_p: Floats, least: Floats, most: Floats) -> None:
        self._normal = by_p.T @ by_p
        self._gradient = by_p.T @ errors
        self._held_by_p = held_by_p.T
        self._bounds = np.concatenate([least, -most])

    def damp(self, damping: float) -> None:
        """Set by which share the diagonal is raised; to be called before any step."""
        normal = np.zeros((6, 6))
        normal[:5, :5] = self._normal
        diagonal = self._normal.diagonal() * (1 + damping)
        normal[_FIVE, _FIVE] = diagonal + 1e-12 * diagonal.sum()
        normal[5, 5] = _ELASTICITY
        # LAPACK is called directly, because numpy's functions take four times as long to call it.
        upper, is_singular = dpotrf(normal)
        if is_singular:
            raise np.linalg.LinAlgError("the linearised problem is singular")
        inverse, _ = dtrtri(upper)
        count = self._held_by_p.shape[1]
        sides = np.empty((6, count + 10))
        np.matmul(inverse[:5].T, self._held_by_p, out=sides[:, :count])
        sides[5, :count] += inverse[5, 5]
        sides[:, count : count + 5] = inverse[:5].T
        np.negative(sides[:, count : count + 5], out=sides[:, count + 5 :])
        self._inverse = inverse
        self._shift = inverse[:5].T @ -self._gradient
        self._sides = sides
        self._squares = np.einsum("ij,ij->j", sides, sides)
        self._shifted = self._shift @ sides

    def step(self, held: Floats) -> Floats:
        """Return d, or zeros where none was found."""
        last = np.concatenate([-held, self._bounds]) - self._shifted
        if np.max(last) <= 0:
            return cast(Floats, (self._inverse @ self._shift)[:5])
        dual = np.empty((7, len(last)))
        size = np.sqrt(self._squares + last * last) + 1e-300
        np.divide(self._sides, size, out=dual[:6])
        np.divide(last, size, out=dual[6])
        try:
            multipliers, _ = nnls(dual, _LAST_OF_SEVEN)
        except RuntimeError:  # its count of iterations ran out: the caller damps and asks again
            return np.zeros(5)
        rest = dual @ multipliers - _LAST_OF_SEVEN
        if rest[6] > -1e-14:
            return np.zeros(5)
        result: Floats = (self._inverse @ (self._shift - rest[:6] / rest[6]))[:5]
        return result


_FIVE = np.arange(5)
_LAST_OF_SEVEN = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])


def _variance(p: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    a, right, left, m, sigma = p.tolist()
    offset = x - m
    root = np.sqrt(offset * offset + sigma * sigma)
    return offset, root, a + (right + left) / 2 * root + (right - left) / 2 * offset


def _variance_by_parameter(p: Floats, offset: Floats, root: Floats) -> Floats:
    _, right, left, _, sigma = p.tolist()
    result = np.empty((len(root), 5))
    half = (right + left) / 2
    inverse = half / root
    result[:, 0] = 1.0
    result[:, 1] = (root + offset) / 2
    result[:, 2] = (root - offset) / 2
    result[:, 3] = (left - right) / 2 - inverse * offset
    result[:, 4] = sigma * inverse
    return result
