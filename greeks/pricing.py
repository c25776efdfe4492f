"""From pricing inputs to status, implied volatility and Greeks, batch by batch."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from greeks.black_scholes import DAYS_OF_A_YEAR, greeks
from greeks.implied_volatility import Bools, implied_volatility
from greeks.normalised_black import Floats
from greeks.second_order import SecondOrderGreeks, second_order_greeks
from warehouse.database.arrow import numeric_as_float

STATUSES = (
    "ok",
    "no_price",
    "expired",
    "no_underlying",
    "stale_underlying",
    "no_rate",
    "below_intrinsic",
    "at_intrinsic",
    "above_bound",
)
(
    _OK,
    _NO_PRICE,
    _EXPIRED,
    _NO_UNDERLYING,
    _STALE_UNDERLYING,
    _NO_RATE,
    _BELOW_INTRINSIC,
    _AT_INTRINSIC,
    _ABOVE_BOUND,
) = range(len(STATUSES))

# The intrinsic value and the bound come out of exponentials, products and a difference, each rounded by at
# most half a unit in the last place of the larger term. A premium nearer than this to either says nothing
# about volatility.
_ROUNDING = 6 * np.finfo(np.float64).eps

INPUTS = pa.schema(
    [
        ("contract_id", pa.int64()),
        ("bar_interval", pa.string()),
        ("bar_start", pa.timestamp("us", "UTC")),
        ("bar_end", pa.timestamp("us", "UTC")),
        ("session_date", pa.date32()),
        ("exchange", pa.string()),
        ("underlying", pa.string()),
        ("strike", pa.float64()),
        ("option_type", pa.string()),
        ("premium", pa.binary()),  # the server's own digits, so that what is stored equals what was read
        ("premium_source", pa.string()),
        ("underlying_price", pa.binary()),
        ("underlying_is_stale", pa.bool_()),
        ("forward_price", pa.float64()),
        ("forward_method", pa.string()),
        ("interest_rate", pa.float64()),
        ("calendar_years_to_expiry", pa.float64()),
        ("years_to_expiry", pa.float64()),
        ("is_expired", pa.bool_()),
    ]
)
_KEPT = (
    "contract_id",
    "bar_interval",
    "bar_start",
    "bar_end",
    "session_date",
    "exchange",
    "underlying",
    "premium",
    "premium_source",
    "underlying_price",
    "forward_price",
    "forward_method",
    "interest_rate",
    "years_to_expiry",
)
_OUTPUTS = pa.schema(
    [
        *(INPUTS.field(name) for name in _KEPT),
        ("discount_factor", pa.float64()),
        *((name, pa.float64()) for name in ("implied_volatility", "delta", "gamma", "theta", "vega", "rho")),
        ("greeks_status", pa.string()),
        *((name, pa.float64()) for name in SecondOrderGreeks._fields),
    ]
)


def price_rows(
    batch: pa.RecordBatch, *, second_order: bool = True, days_of_theta: int = 365
) -> pa.RecordBatch:
    """Compute status, implied volatility and Greeks for rows of intermediate.option_pricing_inputs.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Columns of the view, `premium` and `underlying_price` as `binary` (see `copy_out`).
    second_order : bool
        Whether to compute second-order Greeks; without them their columns are NULL.
    days_of_theta : int
        Days in the year for theta, charm, color and veta, which are per day: 365 calendar or 252 trading
        days.

    Returns
    -------
    pyarrow.RecordBatch
        Columns of the tables of Greeks. Implied volatility and Greeks are NULL unless the status is `ok`.

    Notes
    -----
    The status is the first that applies: no_price, expired; then, where there is no forward, no_underlying,
    stale_underlying or no_rate; then below_intrinsic, at_intrinsic and above_bound (by the discounted
    intrinsic value and bound; "at" means within the rounding of these numbers); then ok.

    Volatility runs over `years_to_expiry`, interest over `calendar_years_to_expiry`. Greeks are by the spot
    that the forward implies, forward * discount_factor, which is the underlying's price where the forward was
    made from it.
    """
    premium = numeric_as_float(batch.column("premium"))
    underlying = numeric_as_float(batch.column("underlying_price"))
    forward = _floats(batch, "forward_price")
    strike = _floats(batch, "strike")
    rate = _floats(batch, "interest_rate")
    years = _floats(batch, "years_to_expiry")
    calendar_years = _floats(batch, "calendar_years_to_expiry")
    is_call = _as_bools(pc.equal(batch.column("option_type"), "CE"))
    stale = _as_bools(batch.column("underlying_is_stale"))
    expired = _as_bools(batch.column("is_expired"))

    with np.errstate(all="ignore"):
        discount = np.exp(-rate * calendar_years)
        spot = forward * discount
        paid_at_expiry = strike * discount
        intrinsic = np.maximum(np.where(is_call, spot - paid_at_expiry, paid_at_expiry - spot), 0.0)
        bound = np.where(is_call, spot, paid_at_expiry)
        # Out of the money the intrinsic value is exactly zero and any positive premium counts.
        doubt = np.where(intrinsic > 0, _ROUNDING * np.maximum(spot, paid_at_expiry), 0.0)
        no_forward = ~(forward > 0)
        status = np.select(
            [
                np.isnan(premium),
                expired | ~(years > 0),
                no_forward & ~(underlying > 0),
                no_forward & stale,
                ~np.isfinite(rate),
                no_forward,
                premium < intrinsic - doubt,
                premium <= intrinsic + doubt,
                premium >= bound * (1.0 - _ROUNDING),
            ],
            [
                _NO_PRICE,
                _EXPIRED,
                _NO_UNDERLYING,
                _STALE_UNDERLYING,
                _NO_RATE,
                _NO_UNDERLYING,
                _BELOW_INTRINSIC,
                _AT_INTRINSIC,
                _ABOVE_BOUND,
            ],
            _OK,
        ).astype(np.int8)

    rows = np.flatnonzero(status == _OK)
    volatility = implied_volatility(
        premium[rows], forward[rows], strike[rows], years[rows], discount[rows], is_call[rows]
    )
    # The solver rounds these sums once more: a premium within that rounding of a limit has no answer.
    unsolved = np.isnan(volatility)
    if unsolved.any():
        lost = rows[unsolved]
        near_bound = premium[lost] - intrinsic[lost] > bound[lost] - premium[lost]
        status[lost] = np.where(near_bound, _ABOVE_BOUND, _AT_INTRINSIC)
        rows, volatility = rows[~unsolved], volatility[~unsolved]
    solved = (forward[rows], strike[rows], years[rows], volatility, discount[rows], is_call[rows])

    first = greeks(*solved)
    per_day = DAYS_OF_A_YEAR / days_of_theta
    # The discount moves with the calendar, however volatility counts its time.
    rho = first.rho * (calendar_years[rows] / years[rows])
    first = first._replace(theta=first.theta * per_day, rho=rho)
    columns = [
        *(batch.column(name) for name in _KEPT),
        _or_null(discount),
        *(_scattered(values, rows, batch.num_rows) for values in (volatility, *first)),
        pa.DictionaryArray.from_arrays(pa.array(status), pa.array(STATUSES, pa.string())).cast(pa.string()),
    ]
    if second_order:
        second = second_order_greeks(*solved)
        second = second._replace(
            charm=second.charm * per_day, color=second.color * per_day, veta=second.veta * per_day
        )
        columns += [_scattered(values, rows, batch.num_rows) for values in second]
    else:
        columns += [pa.nulls(batch.num_rows, pa.float64()) for _ in SecondOrderGreeks._fields]
    return pa.RecordBatch.from_arrays(columns, schema=_OUTPUTS)


def _floats(batch: pa.RecordBatch, name: str) -> Floats:
    values: Floats = batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def _as_bools(column: pa.BooleanArray) -> Bools:
    flags: Bools = column.fill_null(False).to_numpy(zero_copy_only=False)
    return flags


def _scattered(values: Floats, rows: np.ndarray[Any, Any], length: int) -> pa.Array:
    full = np.zeros(length)
    missing = np.ones(length, bool)
    full[rows] = values
    missing[rows] = ~np.isfinite(values)
    return pa.array(full, mask=missing)


def _or_null(values: Floats) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))
