r"""`psql`, whose `\copy` is the measure of landing."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from warehouse import server
from warehouse.errors import TickmartError


def psql(url: URL, command: str) -> None:
    """Run one command of psql's.

    Parameters
    ----------
    url : URL
        The database.
    command : str

    Raises
    ------
    TickmartError
        There is no psql.
    subprocess.CalledProcessError
        The command failed.
    """
    program = shutil.which("psql") or server.binaries().program("psql")
    if not Path(program).exists():
        raise TickmartError("there is no psql to measure against. Install PostgreSQL's client programs.")
    environment = {
        **os.environ,
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
    }
    subprocess.run([program, "-qX", "-v", "ON_ERROR_STOP=1", "-c", command], env=environment, check=True)
