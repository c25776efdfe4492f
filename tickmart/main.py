"""The `tickmart` command: finds the module of a command when that command is called."""

import importlib
import sys
from importlib.metadata import version
from typing import Annotated, Any

import psycopg2
import psycopg2.errors
import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from warehouse.database.errors import in_plain_words
from warehouse.errors import TickmartError
from warehouse.paths import printable

_MOST_SHOWN = 100

# command -> one line for `tickmart --help`. Its module, tickmart/<command>.py, holds a Typer `app`.
# Modules are imported only when called: nautilus_trader, dbt and Prefect take seconds each.
COMMANDS = {
    "db": "The database: start, stop, status, url, psql, migrate, backup, restore, reset.",
    "load": "Land vendor files in the raw tables.",
    "plan": "Which pages a fetch would ask for, and whether the vendor is there.",
    "fetch": "Ask a vendor for what is not there yet, and land its answers.",
    "unload": "Take a load back; the next build removes what only it had given.",
    "build": "Run dbt build, then the Greeks.",
    "greeks": "Compute the Greeks that are due.",
    "export": "Write marts as files that a backtester loads.",
    "run": "Files to a catalog in one go: load, build, export.",
    "backtest": "Run a NautilusTrader backtest on exported data.",
    "list": "What data is there: underlying, interval, first, last, rows.",
    "coverage": "What is there and what is missing, per underlying, exchange and session.",
    "loads": "What was loaded, when, from where.",
    "rejects": "The lines that could not be landed, and why.",
    "trace": "A mart row back to its file and line.",
    "doctor": "Whether server, disk, S3, keys, calendar and schedule are well, and how to mend them.",
    "sample": "Write a realistic day of vendor files for people without data.",
    "demo": "Sample data to bars, Greeks, catalog and backtest, in one go.",
}

# Commands whose module has another name: `tickmart.run` is the function of the Python API.
_MODULES = {"run": "running"}

# What a user can mend. Any other error of the database is a defect of ours and shows its traceback.
_THE_DATABASE_S_STATE = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.InvalidSchemaName,
    psycopg2.errors.UndefinedTable,
)


def module_of(command: str) -> str:
    """Return the name of the module in which a command of `COMMANDS` is."""
    return f"tickmart.{_MODULES.get(command, command)}"


class _Command(TyperCommand):
    """A command whose module is imported when it is called, not when it is listed, suggested or completed."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **settings: Any) -> Any:
        module = importlib.import_module(module_of(str(self.name)))
        command = typer.main.get_command(module.app)
        command.name = self.name
        return command.make_context(info_name, args, *rest, **settings)


class _Commands(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: _Command(name=name, short_help=line) for name, line in COMMANDS.items()}


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Raw vendor market data into marts a quant can trust and files a backtester loads.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tickmart {version('tickmart')}")
        raise typer.Exit


@app.callback()
def _tickmart(
    _: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and end."),
    ] = False,
) -> None:
    """Raw vendor market data into marts a quant can trust and files a backtester loads."""


def main() -> None:
    """Run the command line; exit 0, 1 (failed, one clear message on stderr) or 2 (usage)."""
    try:
        app(prog_name="tickmart")
    except TickmartError as error:
        sys.exit(f"error: {error}")
    except UnicodeEncodeError as error:
        # bytes of the command line that are not text have no place in a database
        sys.exit(f"error: {printable(error.object[:_MOST_SHOWN])} holds bytes that are no UTF-8 text")
    except _THE_DATABASE_S_STATE as error:
        sys.exit(f"error: {in_plain_words(error)}")
