"""What an error of the database means, in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from warehouse.errors import TickmartError

# SQLSTATE, or its first two characters -> what happened and what to do.
_MEANINGS = {
    "53100": "the database's disk is full: free some space, then run the same command again",
    "53200": "the database server is out of memory: lower its load or work_mem, then run the command again",
    "53300": "the database has no connection left: close others or raise max_connections",
    "57P01": "the database server was stopped: start it, then run the same command again",
    "57P02": "the database server crashed and is recovering: run the same command again when it is up",
    "57P03": "the database server is starting or stopping: run the same command again in a moment",
    "57014": "the statement was cancelled: by hand, or by a statement_timeout of the server",
    "55P03": "a lock was not given in time: something else works on the same table",
    "40P01": "two commands waited for each other: run the same command again",
    "42501": (
        "the database user lacks a right; grant it the role for the work (tickmart_loader to load, "
        "tickmart_transformer to build, tickmart_analyst to read the marts)"
    ),
    "42P01": "a table is missing; run: tickmart db migrate",
    "3F000": "a schema is missing; run: tickmart db migrate",
    "25006": "the database is read-only: a standby, or set so; name the primary in TICKMART_DATABASE_URL",
    "28": "the database refused the login: look at user and password in TICKMART_DATABASE_URL",
    "3D000": "there is no such database: create it, or correct TICKMART_DATABASE_URL",
    "08": "the connection to the database broke: is the server up?",
}


def in_plain_words(error: BaseException) -> str:
    """Say what an error of the database means and what to do.

    Parameters
    ----------
    error : BaseException
        An error of psycopg2; for any other, its own text is returned.

    Returns
    -------
    str
        One line, with the server's own message after ours. The server's messages hold no password.
    """
    own = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, psycopg2.Error):
        return own
    server = error.diag.message_primary or own
    code = error.pgcode or ""
    meaning = _MEANINGS.get(code) or _MEANINGS.get(code[:2])
    if (
        meaning is None
        and not code
        and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
    ):
        meaning = "no connection to the database: is the server up? (tickmart db status)"
    return f"{meaning} ({server})" if meaning else server


@contextmanager
def said_plainly(what_failed: str) -> Iterator[None]:
    """Turn the database's errors within the block into TickmartErrors.

    Parameters
    ----------
    what_failed : str
        Begins the message, such as `cannot unload`.
    """
    try:
        yield
    except psycopg2.Error as error:
        raise TickmartError(f"{what_failed}: {in_plain_words(error)}") from error
