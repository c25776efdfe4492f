"""`tickmart demo`: sample data to bars, Greeks, catalog and backtest, in one go."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from exporters.local_s3 import local_s3_server, make_bucket
from tickmart.output import show_rows
from warehouse.database import connect, migrate
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_EXCERPT = PROJECT_FOLDER / "sampledata" / "bhavcopy_excerpt"
_SESSION = "2025-08-11"

_SMILE = """
select
    strike,
    max(close) filter (where option_type = 'CE') as call,
    max(close) filter (where option_type = 'PE') as put,
    round(100 * max(implied_volatility) filter (where option_type = 'CE')::numeric, 2) as call_iv,
    round(100 * max(implied_volatility) filter (where option_type = 'PE')::numeric, 2) as put_iv,
    round(max(delta) filter (where option_type = 'CE')::numeric, 3) as call_delta,
    max(underlying_price) as underlying
from marts.options_ticks
where underlying = 'NIFTY'
    and bar_end = timestamptz '2025-08-11 07:00+00'
    and expiry = (
        select min(expiry) from marts.options_metadata
        where underlying = 'NIFTY' and expiry >= date '2025-08-11'
    )
    and abs(strike - underlying_price) <= 260
group by strike
order by strike
"""

_DAY = """
select
    symbol, session_date, is_traded, close, settlement_price as settlement, open_interest,
    round(100 * implied_volatility::numeric, 2) as iv, round(delta::numeric, 3) as delta, greeks_status
from marts.options_daily
where underlying = 'NIFTY' and source = 'official' and session_date = date '2025-08-01'
order by open_interest desc nulls last
limit 6
"""


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the vendor files and the catalogs go.")] = Path("demo"),
    here: Annotated[
        bool, typer.Option("--here", help="Go on although the database holds other data than the demo's.")
    ] = False,
) -> None:
    """Load, build, export and backtest: a real excerpt of the exchange's files and a day of sample bars."""
    started = time.monotonic()
    migrate()
    vendor, catalogs = folder / "vendor", folder / "catalogs"
    _refuse_foreign_data(folder, here)

    _say("Vendor files: a realistic day in the vendor's layout, for want of your own.")
    _run("sample", "--to", str(vendor), "--start", _SESSION, "--strikes", "21", "--expiries", "2")
    _say("Land them, and two days of the exchange's real bhavcopy (an excerpt).")
    _run("load", "nse-minute", str(vendor / "nse-minute"))
    _run("load", "nse-bhavcopy", str(vendor / "nse-bhavcopy"), _shown(_EXCERPT))
    _say("Clean, deduplicate, roll up, price: dbt build, then the Greeks.")
    _run("build")
    _run("list")
    _say("Implied volatility by strike, 12:30 at NSE, nearest expiry (marts.options_ticks):")
    _show(_SMILE)
    _say("Real rows: the exchange's day of 1 August 2025 by open interest (marts.options_daily):")
    _show(_DAY)
    _say("Export, each file read back by the framework's own reader and compared with the mart.")
    period = ("--underlying", "NIFTY", "--start", _SESSION, "--end", _SESSION)
    _run("export", "nautilus", *period, "--to", str(catalogs / "nautilus"))
    _run("export", "backtrader", *period, "--to", str(catalogs / "backtrader"))
    _say("A NautilusTrader backtest on the exported catalog, in which only exported bars exist.")
    _run("backtest", "run", "--strategy", "sma", "--catalog", str(catalogs / "nautilus"))
    with local_s3_server():
        _say("The same to S3 (a local server that ends with the demo), and a backtest straight from there.")
        bucket = make_bucket("tickmart-demo")
        _run("export", "nautilus", *period, "--to", f"{bucket}/nautilus", "--no-verify")
        _run("backtest", "run", "--strategy", "sma", "--catalog", f"{bucket}/nautilus")

    typer.echo(
        f"""
Done in {time.monotonic() - started:.0f} s. The data are in the database and under {folder}/. Next:
  tickmart load nse-minute YOUR_FILES…     your own files (tickmart load --list-layouts shows what is read)
  tickmart build                           only what is new
  tickmart coverage                        what is there and what is missing
  tickmart trace NIFTY 2025-08-11T12:30    a mart row back to its file and line
  tickmart db psql                         the marts in SQL: \\dv marts.*
  README.md                                the next steps of the quant, the analyst and the data engineer"""
    )


def _refuse_foreign_data(folder: Path, here: bool) -> None:
    own = [f"{path.resolve().as_uri()}/%" for path in (folder, _EXCERPT)]
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.current_loads where not uri like any (%s)", (own,))
        (others,) = cursor.fetchone() or (0,)
    if others and not here:
        raise TickmartError(
            f"this database already holds {others} loads of other data, and the demo would put its own "
            "beside them. If that is wanted: tickmart demo --here"
        )


def _run(*arguments: str) -> None:
    typer.echo(f"\n$ tickmart {shlex.join(arguments)}")
    sys.stdout.flush()
    ended = subprocess.run([sys.executable, "-m", "tickmart", *arguments], env=os.environ, check=False)
    if ended.returncode:
        raise TickmartError(f"the demo stopped at: tickmart {shlex.join(arguments)}")


def _show(query: str) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description or ()]
        rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in cursor]
    show_rows(names, rows)


def _say(text: str) -> None:
    typer.echo(f"\n— {text}")


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
