"""One file that holds the whole database, and the client programs that write and read it."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2.extensions
from sqlalchemy import URL

from warehouse import server
from warehouse.database import connect, database_url
from warehouse.errors import TickmartError
from warehouse.processes import end_with_the_parent
from warehouse.server.packages import POSTGRESQL_MAJOR
from warehouse.settings import settings

_SCRATCH = ".tickmart-backup-"


def client_program(name: str, server_major: int = 0) -> str:
    """Return the path of `psql`, `pg_dump` or `pg_restore`, no older than the server.

    Parameters
    ----------
    name : str
        The program.
    server_major : int
        Major version of the server's PostgreSQL, if the program must not be older.

    Raises
    ------
    TickmartError
        Neither the embedded server's program nor the machine's is new enough.
    """
    of_machine = shutil.which(name)
    own_server = settings().database_url is None
    if not own_server and of_machine and _major_version(of_machine) >= server_major:
        return of_machine
    if server_major <= POSTGRESQL_MAJOR:
        return server.binaries().program(name)
    found = (
        f"the one on this machine is {_major_version(of_machine)}" if of_machine else "this machine has none"
    )
    raise TickmartError(
        f"the server is PostgreSQL {server_major} and needs a {name} at least as new: the embedded one is "
        f"{POSTGRESQL_MAJOR}, {found}. Install postgresql-client-{server_major}."
    )


def client_environment(url: URL) -> dict[str, str]:
    """Return the environment in which a client program finds the password, which no command line may show."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "PGPASSWORD": url.password or ""}


def client_address(url: URL) -> str:
    """Return the address without its password, as libpq's programs take it."""
    parts: dict[str, Any] = {
        "host": url.host,
        "port": url.port or 5432,
        "user": url.username,
        "dbname": url.database,
    }
    parts |= url.query
    return str(psycopg2.extensions.make_dsn(**parts))


def back_up(file: Path) -> int:
    """Write the database to one compressed file (pg_dump's custom format), whole or not at all.

    Parameters
    ----------
    file : Path
        Where it goes; an earlier file gives way once the new one is whole. A link is followed.

    Returns
    -------
    int
        The file's bytes.

    Raises
    ------
    TickmartError
        This name is not that of a regular file, or its folder does not exist or may not be written.
    """
    target = file.resolve()
    _require_a_place(file, target)
    url = database_url()
    with connect() as connection:
        program = client_program("pg_dump", connection.server_version // 10_000)
    _remove_what_killed_ones_left(target.parent)
    try:
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=_SCRATCH)  # mode 0600
    except OSError as error:
        raise TickmartError(f"cannot write into {target.parent}: {error.strerror}") from error
    try:
        with suppress(OSError):  # a file system without locks: then none of them is ever removed
            fcntl.flock(handle, fcntl.LOCK_EX)
        run_client(
            [program, "--format=custom", "--file", scratch, "--dbname", client_address(url)], url, "back up"
        )
        os.fsync(handle)
        os.replace(scratch, target)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return target.stat().st_size


def _remove_what_killed_ones_left(folder: Path) -> None:
    # Whoever writes such a file keeps it locked, so one that can be locked belongs to nobody any more.
    for file in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_uid == os.getuid():
                    file.unlink()
            finally:
                os.close(handle)


def _require_a_place(file: Path, target: Path) -> None:
    if not target.parent.is_dir():
        raise TickmartError(f"there is no folder {target.parent} for {file.name}: make it, or name another")
    if not os.path.lexists(target) or target.is_file():
        return
    kind = next(
        (
            kind
            for is_kind, kind in (
                (target.is_dir, "a folder"),
                (target.is_fifo, "a named pipe"),
                (target.is_socket, "a socket"),
                (target.is_char_device, "a device"),
                (target.is_block_device, "a device"),
            )
            if is_kind()
        ),
        "no file",
    )
    raise TickmartError(f"{file} is {kind}: a backup is written to a regular file, which it replaces")


def run_client(command: list[str], url: URL, what: str) -> None:
    """Run a client program, which ends with this one, and say in one line what it complained of."""
    done = subprocess.run(
        command,
        env=client_environment(url),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        preexec_fn=end_with_the_parent,
    )
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if "error:" in line] or [done.stderr.strip()]
        raise TickmartError(f"could not {what} the database: {complaints[0].strip()}")


def _major_version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", told)
    return int(found.group(1)) if found else 0
