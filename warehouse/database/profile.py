"""dbt's profiles.yml: for plain `dbt` in the project's folder, and without a password for our own runs."""

import hashlib
import json
from pathlib import Path

from sqlalchemy import URL

from warehouse.server.place import state_folder, write_private
from warehouse.settings import settings

_FROM_A_SERVER = "# Written by `tickmart db start`, and again when its port changes. Embedded server: "
_FROM_AN_ADDRESS = "# Written by `tickmart db start` from TICKMART_DATABASE_URL."
_FOR_OUR_RUNS = "# Written for the runs of dbt that tickmart starts; the password is in their environment."
# dbt takes variables of this prefix in profiles only, and strikes their values out of its log.
_PASSWORD_VARIABLE = "DBT_ENV_SECRET_TICKMART_PASSWORD"  # noqa: S105
# As in profiles.yml.example: what `dbt --target dev` puts before every schema.
_DEVELOPERS_SCHEMA = "\"{{ env_var('TICKMART_DEV_SCHEMA', 'dev') }}\""
# The parameters of an address that dbt-postgres takes.
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
        False where somebody has written one by hand; that is left as it is.
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


def for_our_runs(url: URL) -> tuple[Path, dict[str, str]]:
    """Return a folder with a profiles.yml for this address, and what a run of dbt needs in its environment.

    The file holds no password. It lies in the state folder under a name made from its text, so runs on two
    databases keep apart, and a run that is killed leaves nothing behind that the next does not use.
    """
    text = _text(url, _FOR_OUR_RUNS, f"\"{{{{ env_var('{_PASSWORD_VARIABLE}') }}}}\"")
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = state_folder() / "dbt-profiles" / name
    if not (folder / "profiles.yml").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "profiles.yml", text)
    return folder, {_PASSWORD_VARIABLE: url.password or ""}


def _first_line() -> str:
    return f"{_FROM_A_SERVER}{settings().state_folder.expanduser().absolute()}"


def _text(url: URL, first_line: str, password: str | None = None) -> str:
    """Return the profile; `password` stands in it as given, by default the address' own.

    One with its own password is for people: it has a target for developers, too.
    """
    values = {
        "type": "postgres",
        "host": url.host,
        "port": url.port or 5432,
        "user": url.username,
        "dbname": url.database,
        "schema": "marts",  # dbt demands one; the models name their own
        "threads": 2,  # as in profiles.yml.example
        "application_name": "tickmart-dbt",
        **{name: take(url.query[name]) for name, take in _PARAMETERS.items() if name in url.query},
    }
    written = {name: _yaml(value) for name, value in values.items()}
    written["password"] = password or _yaml(url.password or "")
    lines = [f"      {name}: {value}" for name, value in written.items()]
    text = [first_line, "tickmart:", "  target: tickmart", "  outputs:", "    tickmart:", *lines]
    if password is None:
        own = [line for line in lines if not line.startswith("      schema:")]
        text += ["    dev:", *own, f"      schema: {_DEVELOPERS_SCHEMA}"]
    return "\n".join([*text, ""])


def _yaml(value: object) -> str:
    if isinstance(value, str) and "{" in value:
        value = "{% raw %}" + value + "{% endraw %}"  # dbt reads profiles as Jinja
    return json.dumps(value)
