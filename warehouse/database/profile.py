"""dbt's profiles.yml for the database of this checkout, so that plain `dbt` finds it."""

import json
from pathlib import Path

from sqlalchemy import URL

from warehouse.server.place import write_private
from warehouse.settings import settings

_FROM_A_SERVER = "# Written by `tickmart db start`, and again when its port changes. Embedded server: "
_FROM_AN_ADDRESS = "# Written by `tickmart db start` from TICKMART_DATABASE_URL."
_FOR_ONE_RUN = "# Written for one run of dbt."
# What dbt-postgres takes of an address' parameters.
_PARAMETERS = {
    "sslmode": str, "sslcert": str, "sslkey": str, "sslrootcert": str,
    "keepalives_idle": int, "connect_timeout": int,
}  # fmt: skip


def path() -> Path:
    """Return where the profile is written: the project's folder, or TICKMART_PROFILES_FOLDER."""
    return settings().profiles_folder.expanduser() / "profiles.yml"


def write(url: URL) -> bool:
    """Write profiles.yml, readable by its owner only.

    Returns
    -------
    bool
        False where there is one that somebody wrote by hand; it is left as it is.
    """
    if path().exists() and not path().read_text().startswith((_FROM_A_SERVER, _FROM_AN_ADDRESS)):
        return False
    write_private(path(), _text(url, _FROM_AN_ADDRESS if settings().database_url else _first_line()))
    return True


def refresh(url: URL) -> None:
    """Correct the profile where it was written for this embedded server and says something else now."""
    try:
        written = path().read_text()
    except OSError:
        return
    text = _text(url, _first_line())
    if written.splitlines()[:1] == [_first_line()] and written != text:
        write_private(path(), text)


def write_into(folder: Path, url: URL) -> None:
    """Write a profiles.yml for one run of dbt, readable by its owner only."""
    write_private(folder / "profiles.yml", _text(url, _FOR_ONE_RUN))


def _first_line() -> str:
    return f"{_FROM_A_SERVER}{settings().state_folder.expanduser().absolute()}"


def _text(url: URL, first_line: str) -> str:
    values = {
        "type": "postgres",
        "host": url.host,
        "port": url.port or 5432,
        "user": url.username,
        "password": url.password or "",
        "dbname": url.database,
        "schema": "marts",  # dbt demands one; the models name their own
        "threads": 2,  # as in profiles.yml.example
        "application_name": "tickmart-dbt",
        **{name: take(url.query[name]) for name, take in _PARAMETERS.items() if name in url.query},
    }
    lines = [f"      {name}: {_yaml(value)}" for name, value in values.items()]
    return "\n".join(
        [first_line, "tickmart:", "  target: tickmart", "  outputs:", "    tickmart:", *lines, ""]
    )


def _yaml(value: object) -> str:
    if isinstance(value, str) and "{" in value:
        value = "{% raw %}" + value + "{% endraw %}"  # dbt reads profiles as Jinja
    return json.dumps(value)
