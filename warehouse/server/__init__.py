"""The embedded server: a real TimescaleDB that needs neither root nor Docker, started once and reused."""

import os
import shutil
from typing import NamedTuple

from sqlalchemy import URL

from warehouse.errors import TickmartError
from warehouse.exchanges import known_exchanges
from warehouse.server import place as places
from warehouse.server import process
from warehouse.server.packages import Binaries, binaries, locked
from warehouse.server.place import Place
from warehouse.settings import settings

__all__ = ["Binaries", "ServerState", "binaries", "ensure_running", "remove", "state", "stop"]


class ServerState(NamedTuple):
    """What is known about the embedded server without connecting to it.

    Attributes
    ----------
    place : Place or None
        Where it lives; None: it was never started.
    pid : int or None
        Its process; None: it does not run.
    """

    place: Place | None
    pid: int | None


def ensure_running() -> URL:
    """Start the embedded server, or find it running.

    Unpacks the programs and makes the database on first use. Safe when several processes call it at once,
    after a `kill -9` of the server, and for root (the server then runs as another user).

    Returns
    -------
    sqlalchemy.URL
        With the driver `postgresql+psycopg2` and the generated password.

    Raises
    ------
    TickmartError
        The server cannot be unpacked or started; the message says what to do.
    """
    place = places.recall()
    if place and process.is_ready(place):
        return _url(place)
    with locked(places.state_folder() / "lock"):
        place = places.recall() or places.settle()
        if not process.is_ready(place):
            _check_time_zones()
            place = process.start(place, binaries())
    return _url(place)


def stop() -> bool:
    """Stop the embedded server cleanly; False where it did not run."""
    if places.recall() is None:
        return False
    with locked(settings().state_folder.expanduser() / "lock"):
        place = places.recall()
        return place is not None and process.pid(place) is not None and process.stop(place, binaries())


def state() -> ServerState:
    """Say where the embedded server lives and whether it runs, starting nothing."""
    place = places.recall()
    return ServerState(place, process.pid(place) if place else None)


def remove() -> None:
    """Stop the embedded server and delete its data and its password."""
    with locked(places.state_folder() / "lock"):
        place = places.recall()
        if place is None:
            return
        if process.pid(place):
            process.stop(place, binaries())
        for folder in (place.data, place.socket):
            if folder.exists():
                shutil.rmtree(folder)
        for file in (
            place.log,
            place.home / "state-folder",
            place.state / "server.json",
            place.state / "password",
        ):
            file.unlink(missing_ok=True)
        if place.home != place.state:
            place.home.rmdir()


def _url(place: Place) -> URL:
    return URL.create(
        "postgresql+psycopg2",
        username=process.USER,
        password=places.password(place),
        host="127.0.0.1",
        port=place.port,
        database=process.DATABASE,
    )


def _check_time_zones() -> None:
    zones = {exchange.time_zone for exchange in known_exchanges().values()}
    if not all(os.path.exists(f"/usr/share/zoneinfo/{zone}") for zone in zones):
        raise TickmartError(
            "this machine has no time zone data, which PostgreSQL reads. Install the package tzdata."
        )
