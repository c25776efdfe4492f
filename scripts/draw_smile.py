"""Draw an expiry's smile and its fit: draw_smile.py NSE NIFTY 2025-08-01 2025-08-28 FILE.svg."""

import sys

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from greeks.svi import Svi
from warehouse.database import connect

QUOTES = """
    select log_moneyness, implied_volatility, option_type
    from marts.volatility_smile
    where exchange = %s and underlying = %s and session_date = %s and expiry = %s
        and is_out_of_the_money and is_traded
    order by strike
"""
FITTED = """
    select a, b, rho, m, sigma, years_to_expiry, weighted_rmse
    from marts.volatility_fits
    where exchange = %s and underlying = %s and session_date = %s and expiry = %s and fit_status = 'ok'
"""


def main(exchange: str, underlying: str, session_date: str, expiry: str, file: str) -> None:
    """Draw to a file; its suffix decides the format."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(QUOTES, (exchange, underlying, session_date, expiry))
        quotes = cursor.fetchall()
        cursor.execute(FITTED, (exchange, underlying, session_date, expiry))
        fits = cursor.fetchall()
    if not fits:
        raise SystemExit(f"{underlying} of {session_date}, expiry {expiry}: no fit (marts.volatility_fits)")
    if not quotes:
        raise SystemExit(
            f"{underlying} of {session_date}, expiry {expiry}: nothing traded (marts.volatility_smile)"
        )
    *parameters, years, error = fits[0]
    k = np.linspace(quotes[0][0] * 1.1, quotes[-1][0] * 1.1, 401)

    mpl.rcParams.update({"svg.hashsalt": "tickmart", "font.size": 9})
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for option_type, name, marker in (("PE", "puts", "v"), ("CE", "calls", "^")):
        chosen = [(x, 100 * y) for x, y, kind in quotes if kind == option_type]
        if chosen:
            axes.plot(*zip(*chosen, strict=True), marker, markersize=3, label=f"{name} that traded")
    axes.plot(
        k,
        100 * np.sqrt(Svi(*parameters).variance(k) / years),
        color="black",
        linewidth=1,
        label=f"SVI slice, {100 * error:.2f} points off (weighted by vega)",
    )
    axes.axvline(0, color="grey", linewidth=0.6, linestyle="--")
    axes.set_xlabel("log-moneyness: ln(strike / forward)")
    axes.set_ylabel("implied volatility, %")
    axes.set_title(f"{underlying} on {session_date}, expiry {expiry}", fontsize=9)
    axes.grid(linewidth=0.3)
    axes.legend(loc="upper center", framealpha=1, edgecolor="none")
    figure.savefig(file, metadata={"Date": None} if file.endswith(".svg") else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
