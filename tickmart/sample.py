"""`tickmart sample`: vendor files for people without data."""

import json
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sampledata.contracts import UNDERLYINGS
from sampledata.equity import DEFAULT_START as FIRST_OF_SHARES
from sampledata.equity import write_equity_sample
from sampledata.generate import DEFAULT_START, write_sample
from warehouse.options import date_option

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def sample(
    to: Annotated[str, typer.Option("--to", help="Folder to write to; made if missing.")],
    market: Annotated[
        str, typer.Option(help="options: NSE's index options; equity: a share as anybody's CSV.")
    ] = "options",
    days: Annotated[int, typer.Option(help="Sessions to write.")] = 1,
    rows: Annotated[
        int | None, typer.Option(help="Instead of days: whole sessions until there are so many minute bars.")
    ] = None,
    start: Annotated[
        date | None,
        date_option("First day, from which holidays are skipped", show_default=str(DEFAULT_START)),
    ] = None,
    symbol: Annotated[str, typer.Option(help="The share, with --market equity.")] = "AAPL",
    exchange: Annotated[str, typer.Option(help="Where it trades, with --market equity.")] = "NASDAQ",
    underlying: Annotated[
        list[str] | None, typer.Option(help=f"{' or '.join(UNDERLYINGS)}; may be repeated. Default: NIFTY.")
    ] = None,
    strikes: Annotated[int, typer.Option(help="Strikes that each expiry is listed with.")] = 41,
    expiries: Annotated[int, typer.Option(help="Nearest option expiries per session, 1 to 7.")] = 4,
    seed: Annotated[int, typer.Option(help="Another seed, other prices; the same seed, the same bytes.")] = 7,
    bhavcopy: Annotated[bool, typer.Option(help="Write the exchange's end-of-day file too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the written files as JSON.")] = False,
) -> None:
    """Write realistic sessions of option, future and index bars, as a vendor would, or of a share.

    Invented, but consistent: prices follow Black-76 around one index path, on the dated expiries, lots, ticks
    and holidays of the exchange. A share's minutes have rows that are wrong or doubled, as real files have.
    The same arguments give the same bytes.
    """
    if market not in ("options", "equity"):
        raise typer.BadParameter(f"{market!r} is neither options nor equity", param_hint="'--market'")
    if market == "equity":
        files = write_equity_sample(
            to, symbol=symbol, exchange=exchange, days=days, start=start or FIRST_OF_SHARES, seed=seed
        )
    else:
        files = write_sample(
            to,
            days=days,
            rows=rows,
            start=start or DEFAULT_START,
            underlyings=[name.upper() for name in underlying or ["NIFTY"]],
            strikes=strikes,
            expiries=expiries,
            seed=seed,
            with_bhavcopy=bhavcopy,
        )
    if as_json:
        listed = [
            {
                "path": str(file.path),
                "kind": file.kind,
                "session": file.session.isoformat(),
                "rows": file.rows,
            }
            for file in files
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    console = Console()
    if console.is_terminal:
        table = Table("session", "kind", "rows", "file")
        for file in files:
            table.add_row(file.session.isoformat(), file.kind, f"{file.rows:,}", str(file.path))
        console.print(table)
    else:
        for file in files:
            typer.echo(f"{file.session}\t{file.kind}\t{file.rows}\t{file.path}")
