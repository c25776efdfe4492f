"""`tickmart backtest`: run a NautilusTrader backtest on exported data."""

from typing import TYPE_CHECKING, Annotated

import typer

from tickmart.output import show_json, show_rows

if TYPE_CHECKING:
    from backtests.performance import Statistics

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Run a NautilusTrader backtest on exported data.",
)


@app.callback()
def _backtest() -> None:
    """Run a NautilusTrader backtest on exported data."""


@app.command("run")
def _run(
    catalog: Annotated[
        str, typer.Option(help="A folder or s3://bucket/prefix that `tickmart export nautilus` wrote.")
    ],
    strategy: Annotated[str, typer.Option(help="sma: crossover of two moving averages.")] = "sma",
    instrument: Annotated[
        str | None,
        typer.Option(help="Such as NIFTY_250313_22500_CE. Without it: the one with the largest volume."),
    ] = None,
    bar: Annotated[
        str | None,
        typer.Option(help="Such as 1-MINUTE, 15-MINUTE or 1-DAY. Without it: the shortest there is."),
    ] = None,
    fast: Annotated[int, typer.Option(help="Bars in the fast average.")] = 10,
    slow: Annotated[int, typer.Option(help="Bars in the slow average.")] = 30,
    lots: Annotated[int, typer.Option(min=1, help="Lots per order.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
) -> None:
    """Run a strategy over one instrument of a catalog and show what came of it."""
    from backtests.runner import run

    report = run(strategy, catalog, instrument=instrument, bar=bar, fast=fast, slow=slow, lots=lots)
    if as_json:
        show_json(report.to_dict())
        return
    facts: dict[str, str | int] = {
        "strategy": f"{report.strategy} (fast {fast}, slow {slow}, {lots} lot{'s' * (lots > 1)} per order)",
        "instrument": report.instrument,
        "bars": f"{report.bars:,} of {report.bar_type}",
        "period": f"{report.first_bar} to {report.last_bar} UTC",
        "orders": report.orders,
        "fills": report.fills,
        "positions": report.positions,
        "profit and loss": f"{report.pnl:,.2f} {report.currency}",
    }
    show_rows(("what", "value"), [{"what": name, "value": value} for name, value in facts.items()])
    typer.echo("")
    _show_statistics(f"per position, in {report.currency}", report.per_position)
    typer.echo("")
    _show_statistics("per day's return", report.per_day)


def _show_statistics(of_what: str, statistics: "Statistics") -> None:
    show_rows(
        (of_what, "value"),
        [
            {of_what: name, "value": _shown(value, statistics.not_defined.get(name))}
            for name, value in statistics.values.items()
        ],
    )


def _shown(value: float | None, why_not: str | None) -> str:
    if value is None:
        return f"not defined: {why_not}"
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 6):,}"
