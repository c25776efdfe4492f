"""What a backup says of itself, read before anything is touched."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from warehouse.errors import TickmartError

# Tables in which TimescaleDB and Alembic keep what decides whether a server can take the backup.
_TELLING = ("metadata", "continuous_agg", "compression_settings", "bgw_job", "alembic_version")
_SCHEMAS = ("_timescaledb_catalog", "_timescaledb_config", "audit")

_DUMPED_FROM = re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE)
_ENTRY = re.compile(r"^\d+; \d+ \d+ TABLE DATA (\S+) (\S+) ", re.MULTILINE)
_COPY = re.compile(r'COPY \w+\."?(\w+)"? \(([^)]*)\) FROM stdin;')


class Archive(NamedTuple):
    """What a backup holds.

    Attributes
    ----------
    postgresql : int
        Major version of the server that it was made on; 0 where it does not say.
    timescaledb : str or None
        Version of the extension there, such as `2.19.3`; None in a database without it.
    needs_community : bool
        Whether it holds continuous aggregates or compression, which TimescaleDB's Apache edition refuses.
    job_owners : frozenset of str
        Roles that own background jobs in it.
    migration : str or None
        The newest of tickmart's migrations; None in the backup of another database.
    tables : frozenset of str
        `schema.table` of every table whose rows it holds.
    """

    postgresql: int
    timescaledb: str | None
    needs_community: bool
    job_owners: frozenset[str]
    migration: str | None
    tables: frozenset[str]


def read_archive(file: Path, program: str) -> Archive:
    """Read what a file in pg_dump's custom format says of itself; its rows are left alone.

    Parameters
    ----------
    file : Path
        The backup.
    program : str
        Path of `pg_restore`.

    Raises
    ------
    TickmartError
        No such file, not a file, or not in the custom format, or written by a newer pg_dump than `program`.
    """
    _require_custom_format(file)
    contents = _run(program, file, "--list")
    only = [f"--schema={name}" for name in _SCHEMAS] + [f"--table={name}" for name in _TELLING]
    rows = _copied_rows(_run(program, file, "--data-only", "--file=-", *only))
    dumped_from = _DUMPED_FROM.search(contents)
    versions = [row["value"] for row in rows["metadata"] if row["key"] == "timescaledb_version"]
    migrations = [row["version_num"] for row in rows["alembic_version"]]
    return Archive(
        postgresql=int(dumped_from.group(1)) if dumped_from else 0,
        timescaledb=versions[0] if versions else None,
        needs_community=bool(rows["continuous_agg"] or rows["compression_settings"]),
        # as regrole writes them: quoted where the name is an odd one
        job_owners=frozenset(row["owner"] for row in rows["bgw_job"]),
        migration=migrations[0] if migrations else None,
        tables=frozenset(f"{schema}.{table}" for schema, table in _ENTRY.findall(contents)),
    )


def _require_custom_format(file: Path) -> None:
    if not file.exists():
        raise TickmartError(f"no such file: {file}")
    if not file.is_file():
        raise TickmartError(f"{file} is not a file")
    with open(file, "rb") as opened:
        if opened.read(5) != b"PGDMP":
            raise TickmartError(
                f"{file} is no backup in pg_dump's custom format, as `tickmart db backup` writes it"
            )


def _run(program: str, file: Path, *options: str) -> str:
    command = [program, *options, str(file.absolute())]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if "error:" in line] or [done.stderr.strip()]
        raise TickmartError(
            f"{file} cannot be read as a backup: {complaints[0].removeprefix('pg_restore: error: ')}"
        )
    return done.stdout


def _copied_rows(script: str) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {table: [] for table in _TELLING}
    table, columns = None, list[str]()
    for line in script.split("\n"):  # not splitlines(): a value may hold U+2028 and others as they are
        if line == "\\.":
            table = None
        elif table is not None:
            rows[table].append(dict(zip(columns, line.split("\t"), strict=True)))
        elif found := _COPY.match(line):
            table, columns = found.group(1), found.group(2).split(", ")
    return rows
