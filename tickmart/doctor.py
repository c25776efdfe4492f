"""`tickmart doctor`: whether everything that tickmart stands on is there, and how to mend what is not."""

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import psycopg2
import psycopg2.extensions
import typer

from loaders.sources import SOURCES
from tickmart.marts import loads_not_built
from tickmart.output import number, show_json, show_rows
from warehouse import server
from warehouse.calendar_advice import calendar_advice
from warehouse.database import connect, database_url, edition, engine, migration_in_place, migrations
from warehouse.database.errors import in_plain_words
from warehouse.errors import TickmartError
from warehouse.settings import settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

GOOD, LOOK, BROKEN = "good", "look", "broken"
# A build of a year of minutes writes some gigabytes before it is done.
_LEAST_FREE = 5 << 30
_PATIENCE = 5.0  # seconds
_NIGHT = "nightly"  # flow and deployment of prefect.yaml


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes
    ----------
    what : str
    state : str
        `good`, `look` (works, and deserves a look) or `broken`.
    found : str
    fix : str
        What to type; empty where nothing is to be done.
    """

    what: str
    state: str
    found: str
    fix: str = ""


@app.command()
def _doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Look at server, disk, S3, keys, calendar and schedule, and say how to mend what is wrong."""
    findings = examine()
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        show_rows(("what", "state", "found", "fix"), [asdict(finding) for finding in findings])
    if any(finding.state == BROKEN for finding in findings):
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """Return what was found of everything; nothing is started, written or sent."""
    return [*_of_server(), *_of_disks(), *_of_s3(), *_of_keys(), *_of_schedule()]


def _of_server() -> Iterator[Finding]:
    if settings().database_url is None:
        place, pid = server.state()
        if place is None or pid is None:
            found = (
                "the embedded server was never started" if place is None else "the embedded server is stopped"
            )
            yield Finding("server", BROKEN, found, "tickmart db start")
            return
    try:
        with connect() as connection:
            with connection.cursor() as cursor:
                cursor.execute("show server_version")
                (version,) = next(cursor)
            url = database_url()
            yield Finding(
                "server",
                GOOD,
                f"PostgreSQL {version}, TimescaleDB {edition(connection)}, at {url.host}:{url.port}",
            )
            yield from _of_database(connection)
    except (TickmartError, psycopg2.Error) as error:
        text = str(error) if isinstance(error, TickmartError) else in_plain_words(error)
        yield Finding("server", BROKEN, text, "tickmart db status")


def _of_database(connection: psycopg2.extensions.connection) -> Iterator[Finding]:
    with engine().connect() as migrated:
        in_place = migration_in_place(migrated)
    if in_place is None or in_place not in migrations():
        yield Finding("schema", BROKEN, f"migration {in_place or 'none'}", "tickmart db migrate")
        return
    newest = max(migrations())
    state = GOOD if in_place == newest else LOOK
    yield Finding("schema", state, f"migration {in_place}", "" if state == GOOD else "tickmart db migrate")
    waiting = loads_not_built(connection)
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('marts.data_coverage') is not null")
        (is_built,) = next(cursor)
    if not is_built:
        yield Finding("marts", LOOK, "nothing was built yet", "tickmart build")
        return
    waits = "waits" if waiting == 1 else "wait"
    found = f"{number(waiting, 'load')} {waits} for a build" if waiting else "every load is in them"
    yield Finding("marts", LOOK if waiting else GOOD, found, "tickmart build" if waiting else "")
    try:
        advice = calendar_advice(connection)
    except psycopg2.Error:
        connection.rollback()
        yield Finding("calendar", LOOK, "nothing was built yet", "tickmart build")
        return
    if not advice.sentences():
        yield Finding("calendar", GOOD, f"published until {advice.last_session}")
    for sentence in advice.sentences():
        found, _, fix = sentence.partition(". ")
        yield Finding("calendar", LOOK, found, fix)


def _of_disks() -> Iterator[Finding]:
    place = server.state().place
    folders = {"disk of the database": place.data} if place and settings().database_url is None else {}
    folders["disk of the archive"] = _existing(settings().archive_folder)
    for what, folder in folders.items():
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            yield Finding(what, BROKEN, f"cannot look at {folder}: {error.strerror}")
            continue
        state = GOOD if free >= _LEAST_FREE else LOOK
        fix = "" if state == GOOD else "free some, or move TICKMART_STATE_FOLDER and TICKMART_ARCHIVE_FOLDER"
        yield Finding(what, state, f"{free / (1 << 30):,.0f} GiB free", fix)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)


def _of_s3() -> Iterator[Finding]:
    named = (
        settings().s3_endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_PROFILE")
    )
    if not named and "AWS_ACCESS_KEY_ID" not in os.environ:
        yield Finding("S3", GOOD, "not set up; exports go to folders")
        return
    from botocore.exceptions import BotoCoreError, ClientError

    from exporters.s3 import client

    try:
        buckets = client().list_buckets()["Buckets"]
        yield Finding("S3", GOOD, f"answers; {len(buckets):,} buckets")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "AccessDenied":  # who may write to one bucket need not be allowed to list all
            yield Finding("S3", GOOD, "answers; this user may not list buckets")
        else:
            yield Finding(
                "S3", BROKEN, f"refuses: {code}", "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
    except (BotoCoreError, TickmartError) as error:
        yield Finding("S3", BROKEN, str(error), "check TICKMART_S3_ENDPOINT_URL and the network")


def _of_keys() -> Iterator[Finding]:
    for source in SOURCES.values():
        wanted = source.fetcher.secrets if source.fetcher is not None else ()
        missing = [name for name in wanted if name not in settings().secrets]
        if missing:
            names = " ".join(f"TICKMART_SECRETS__{name.upper()}" for name in missing)
            yield Finding(f"key of {source.name}", LOOK, "not set; it cannot be asked", f"set {names}")
        elif wanted:
            yield Finding(
                f"key of {source.name}", GOOD, "set", f"try it: tickmart plan {source.name} SYMBOL --check"
            )


def _of_schedule() -> Iterator[Finding]:
    address = os.environ.get("PREFECT_API_URL", "")
    if not address:
        yield Finding("schedule", LOOK, "PREFECT_API_URL names no server; nights run by hand", "make deploy")
        return
    if not address.startswith(("http://", "https://")):
        yield Finding(
            "schedule", BROKEN, f"PREFECT_API_URL is no address: {address}", "write http://host:port/api"
        )
        return
    try:
        deployment = _asked(f"{address}/deployments/name/{_NIGHT}/{_NIGHT}")
        runs = _asked(
            f"{address}/flow_runs/filter",
            {
                "sort": "EXPECTED_START_TIME_DESC",
                "limit": 1,
                "deployments": {"id": {"any_": [deployment["id"]]}},
                "flow_runs": {"state": {"type": {"not_any_": ["SCHEDULED", "PENDING"]}}},
            },
        )
    except urllib.error.HTTPError as error:
        fix = "make deploy" if error.code == 404 else "look at the server's log"
        yield Finding("schedule", BROKEN, f"the Prefect server has no {_NIGHT} ({error.code})", fix)
        return
    except (OSError, ValueError) as error:
        yield Finding(
            "schedule", BROKEN, f"no Prefect server answers at {address}: {error}", "prefect server start"
        )
        return
    if deployment.get("paused"):
        yield Finding("schedule", LOOK, "paused", f"prefect deployment schedule resume {_NIGHT}/{_NIGHT}")
        return
    last = runs[0] if runs else None
    state = last["state"]["type"] if last else "no run yet"
    good = state in ("COMPLETED", "RUNNING", "no run yet")
    found = f"alive; last night: {state.lower()}"
    yield Finding("schedule", GOOD if good else LOOK, found, "" if good else "prefect flow-run ls")


def _asked(address: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    # http or https, as was checked above
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        return json.loads(answer.read())
