"""`tickmart db`: the database of this checkout, embedded or named by TICKMART_DATABASE_URL."""

import logging
import os
import shutil
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import psycopg2.errors
import psycopg2.extensions
import typer
from sqlalchemy import URL

from loaders.landing.raw_tables import create_raw_tables
from loaders.sources import SOURCES
from tickmart.output import show_json
from warehouse import database, server
from warehouse.database import backup as backups
from warehouse.database import locks, profile
from warehouse.database import restore as restoring
from warehouse.database.errors import in_plain_words
from warehouse.errors import TickmartError
from warehouse.settings import settings

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="The database: the one that TICKMART_DATABASE_URL names, else an embedded TimescaleDB.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.callback()
def _db() -> None:
    """Tell what a long first start is doing, for all commands below."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("warehouse").setLevel(logging.INFO)  # the first start takes a while: say what it does


@app.command()
def start() -> None:
    """Start the database, bring its tables up to date, and write dbt's profiles.yml."""
    url = database.database_url()
    _bring_up_to_date()
    typer.echo(f"database {url.database} at {url.host}:{url.port or 5432} is ready")
    if profile.write(url):
        typer.echo(f"wrote {profile.path()}, which plain dbt finds")
    else:
        typer.echo(f"{profile.path()} is your own and was left as it is")


@app.command()
def stop() -> None:
    """Stop the embedded server cleanly; its data stay."""
    if _is_elsewhere():
        raise TickmartError(
            "the database is the one that TICKMART_DATABASE_URL names; stop it where it runs."
        )
    typer.echo("stopped" if server.stop() else "it was not running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the database runs, what it is, where its data are, and who is building.

    Ends with 1 where it does not run. Starts nothing.
    """
    facts = _facts()
    if as_json:
        show_json(facts)
    else:
        for name, value in facts.items():
            typer.echo(f"{name.replace('_', ' ') + ':':<14}{_readable(value)}")
    if not facts["running"]:
        raise typer.Exit(1)


@app.command()
def url(
    password: Annotated[bool, typer.Option(help="With the password, for scripts.")] = True,
) -> None:
    """Print the database's address, starting the embedded server where needed."""
    address = database.database_url().set(drivername="postgresql")
    if not password:
        address = address._replace(password=None)
    address = address.set(database=quote(str(address.database)))  # SQLAlchemy 2.0 does not quote it
    typer.echo(address.render_as_string(hide_password=False))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; every argument is passed on (tickmart db psql -c "select 1")."""
    address = database.database_url()
    program = backups.client_program("psql")
    environment = {**backups.client_environment(address), "PGAPPNAME": "tickmart psql"}
    if "PSQL_PAGER" not in environment and not shutil.which("less"):
        environment["PSQL_PAGER"] = "more"
    command = ["psql", "-d", backups.client_address(address), *context.args]
    os.execve(program, command, environment)  # noqa: S606 - psql takes over this terminal


@app.command()
def migrate() -> None:
    """Make or bring up to date the tables that Python owns: ledger, raw tables, Greeks, roles."""
    _bring_up_to_date()
    try:
        with database.connect() as granting:
            database.grant_roles(granting)
    except psycopg2.errors.InsufficientPrivilege as error:  # somebody else's table among ours
        typer.echo(f"note: the roles were left as they are: {in_plain_words(error)}", err=True)
    with database.engine().connect() as connection:
        typer.echo(f"up to date: migration {database.migration_in_place(connection)}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; replaced where it exists.")],
) -> None:
    """Write the whole database to one compressed file."""
    size = backups.back_up(file)
    typer.echo(f"wrote {file} ({size / 1e6:,.1f} MB)")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `tickmart db backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what the database holds.")] = False,
) -> None:
    """Fill the database from a backup. One that fails leaves the database as it was."""
    with restoring.beside(file, replace=force) as copy:
        with restoring.nobody_else(
            {raw.qualified for source in SOURCES.values() for raw in source.raw_tables}
        ):
            copy.fill()
            _bring_up_to_date(copy.url)
            with database.connect(copy.url) as connection:
                database.grant_roles(connection)  # a backup carries no grants
            copy.check()
            copy.number_anew()
        copy.take_place()
    typer.echo(f"restored {file}")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the embedded server's data and begin anew."""
    if _is_elsewhere():
        raise TickmartError(
            "the database is the one that TICKMART_DATABASE_URL names; tickmart deletes only the embedded "
            "server's data. Drop that database with its own tools."
        )
    place = server.state().place
    if place is None:
        typer.echo("there is nothing to delete")
        return
    if not yes and not typer.confirm(f"Delete the database in {place.data} for good?"):
        raise TickmartError("nothing was deleted")
    server.remove()
    typer.echo(f"deleted {place.data}")


def _is_elsewhere() -> bool:
    return settings().database_url is not None


def _bring_up_to_date(url: URL | None = None) -> None:
    database.migrate(url)
    with database.connect(url) as connection:
        create_raw_tables(connection)


def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = {"running": False, "embedded": not _is_elsewhere()}
    if not _is_elsewhere():
        place, pid = server.state()
        if place is None:
            return {**facts, "problem": "never started; start it with: tickmart db start"}
        facts |= {"data_folder": str(place.data), "log": str(place.log), "pid": pid}
        if pid is None:
            return {**facts, "problem": "stopped; start it with: tickmart db start"}
    address = database.database_url()
    facts |= {"host": address.host, "port": address.port or 5432, "database": address.database}
    try:
        with database.connect() as connection:
            return {**facts, "running": True, **_facts_of_the_server(connection)}
    except TickmartError as error:
        return {**facts, "problem": str(error)}


def _facts_of_the_server(connection: psycopg2.extensions.connection) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select
                split_part(current_setting('server_version'), ' ', 1),
                (select extversion from pg_extension where extname = 'timescaledb'),
                pg_database_size(current_database()),
                to_regclass('audit.alembic_version') is not null
            """
        )
        version, timescaledb, size, is_migrated = cursor.fetchone() or (None,) * 4
        migration = None
        if is_migrated:
            cursor.execute("select version_num from audit.alembic_version")
            migration = (cursor.fetchone() or (None,))[0]
    return {
        "postgresql": version,
        "timescaledb": timescaledb,
        "edition": database.edition(connection),
        "migration": migration,
        "size_bytes": size,
        "building": _who_builds(connection),
    }


def _who_builds(connection: psycopg2.extensions.connection) -> str | None:
    with connection.cursor() as cursor:
        process = locks.holder(cursor, locks.BUILD)
        return None if process is None else locks.describe(cursor, process)


def _readable(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
