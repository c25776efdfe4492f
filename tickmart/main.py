"""The `tickmart` command: finds the module of a command when that command is called."""

import importlib
import sys

import psycopg2
import psycopg2.errors
import typer
import typer.main
from typer.core import TyperGroup

from warehouse.database.errors import in_plain_words
from warehouse.errors import TickmartError
from warehouse.paths import printable

_MOST_SHOWN = 100

# command -> one line for `tickmart --help`. Its module, tickmart/<command>.py, holds a Typer `app`.
# Modules are imported only when called: nautilus_trader, dbt and Prefect take seconds each.
COMMANDS = {
    "db": "The database: start, stop, status, url, psql, migrate, backup, restore, reset.",
    "load": "Land vendor files in the raw tables.",
    "unload": "Take a load back; the next build removes what only it had given.",
    "build": "Run dbt build, then the Greeks.",
    "greeks": "Compute the Greeks that are due.",
    "export": "Write marts as files that a backtester loads.",
    "backtest": "Run a NautilusTrader backtest on exported data.",
    "list": "What data is there: underlying, interval, first, last, rows.",
    "coverage": "What is there and what is missing, per underlying and session.",
    "loads": "What was loaded, when, from where.",
    "rejects": "The lines that could not be landed, and why.",
    "trace": "A mart row back to its file and line.",
    "sample": "Write a realistic day of vendor files for people without data.",
    "demo": "Sample data to bars, Greeks, catalog and backtest, in one go.",
}


# What a user can mend. Any other error of the database is a defect of ours and shows its traceback.
_THE_DATABASE_S_STATE = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.InvalidSchemaName,
    psycopg2.errors.UndefinedTable,
)


class _LazyCommands(TyperGroup):
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def,override]
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tickmart.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: typer.Context, formatter) -> None:  # type: ignore[no-untyped-def,override]
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=_LazyCommands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Raw vendor market data into marts a quant can trust and files a backtester loads.",
)


@app.callback()
def _tickmart() -> None:
    """Raw vendor market data into marts a quant can trust and files a backtester loads."""


def main() -> None:
    """Run the command line; exit 0, 1 (failed, one clear message on stderr) or 2 (usage)."""
    try:
        app(prog_name="tickmart")
    except TickmartError as error:
        sys.exit(f"error: {error}")
    except UnicodeEncodeError as error:
        # bytes of the command line that are no text have no place in a database
        sys.exit(f"error: {printable(error.object[:_MOST_SHOWN])} holds bytes that are no UTF-8 text")
    except _THE_DATABASE_S_STATE as error:
        sys.exit(f"error: {in_plain_words(error)}")
