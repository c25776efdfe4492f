"""Write the database that the settings name as packed plain SQL that any TimescaleDB server takes.

A backup (`tickmart db backup`) restores on its own version of TimescaleDB alone. This is for
tests/fixtures/older-databases: after a change of tables, a database that the version before has built is
kept there, and a test builds on it.

    tickmart db reset, tickmart load … FOLDER/…, tickmart build; then
    python -m scripts.write_older_database tests/fixtures/older-databases/NAME.sql.xz FOLDER

and its sha256 into metadata.json beside it.
"""

import lzma
import re
import subprocess
import sys
from pathlib import Path

from warehouse.database import connect, database_url
from warehouse.database.backup import client_address, client_environment, client_program

SCHEMAS = ("raw", "audit", "enrichment", "facts", "staging", "intermediate", "marts", "public")


# What the ledger calls the folder that the files were loaded from, so that no machine's paths are kept.
VENDOR = "file:///vendor/"


def main(target: Path, loaded_from: Path) -> None:
    """Write the file.

    Parameters
    ----------
    target : Path
        A file that ends in .sql.xz; it is replaced.
    loaded_from : Path
        The folder that held everything that was loaded; `file:///vendor/` stands for it in the file.
    """
    folder = loaded_from.resolve().as_uri() + "/"
    _check_origins(folder)
    with lzma.open(target, "wb", preset=9) as file:
        file.write(b"create extension if not exists timescaledb;\n")
        for part in (_section("pre-data"), _hypertables(), _rows(), _section("post-data")):
            file.write(part.replace(folder, VENDOR).encode() + b"\n")
        file.write(b"reset all;\n")  # pg_dump's output leaves the connection without a search path


def _check_origins(folder: str) -> None:
    elsewhere = _text(
        "select string_agg(uri, ', ' order by uri) from audit.loads where not starts_with(uri, %s)", folder
    )
    if elsewhere:
        sys.exit(f"error: not loaded from {folder}: {elsewhere}")


def _section(name: str) -> str:
    url = database_url()
    with connect() as connection:
        program = client_program("pg_dump", connection.server_version // 10_000)
    dumped = subprocess.run(
        [
            *(program, "--schema-only", f"--section={name}", "--no-owner", "--no-privileges"),
            *(f"--schema={schema}" for schema in SCHEMAS),
            *("--dbname", client_address(url)),
        ],
        env=client_environment(url),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # create_hypertable makes these anew; psql's own commands and the schemas that are there anyway go too
    dumped = re.sub(r"(?m)^(\\.*|--.*|SET transaction_timeout.*|CREATE SCHEMA public;)\n", "", dumped)
    dumped = re.sub(r"(?ms)^CREATE TRIGGER ts_insert_blocker .*?;\n", "", dumped)
    dumped = dumped.replace("ALTER TABLE ONLY ", "ALTER TABLE ")  # hypertables know no ONLY
    return re.sub(r"\n{2,}", "\n", dumped)


def _hypertables() -> str:
    return _text(
        """
        select string_agg(
            format(
                case dimension_number
                    when 1
                        then 'select public.create_hypertable('
                            '%L, public.by_range(%L, interval %L), create_default_indexes => false);'
                    else 'select public.add_dimension(%L, public.by_range(%L, interval %L));'
                end,
                format('%I.%I', hypertable_schema, hypertable_name), column_name, time_interval
            ),
            chr(10) order by hypertable_schema, hypertable_name, dimension_number
        )
        from timescaledb_information.dimensions
        """
    )


def _rows() -> str:
    tables = _text(
        """
        select string_agg(format('%%I.%%I', nspname, relname), chr(10) order by nspname, relname)
        from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
        where relkind = 'r' and nspname = any (%s)
        """,
        list(SCHEMAS),
    ).splitlines()
    parts = []
    for table in tables:
        columns = _text(
            "select string_agg(format('%%I', attname), ', ' order by attnum) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            table,
        )
        rows = _text(f"select string_agg('(' || {_literals(columns)} || ')', E',\\n') from {table}")
        if rows:
            parts.append(f"insert into {table} ({columns}) overriding system value values\n{rows};")
    parts.append(
        _text(
            """
            select string_agg(
                format('select setval(%%L, %%s);', format('%%I.%%I', schemaname, sequencename), last_value),
                chr(10)
            )
            from pg_sequences where last_value is not null and schemaname = any (%s)
            """,
            list(SCHEMAS),
        )
    )
    return "\n".join(parts)


def _literals(columns: str) -> str:
    return (
        "concat_ws(',', " + ", ".join(f"quote_nullable({name}::text)" for name in columns.split(", ")) + ")"
    )


def _text(statement: str, *parameters: object) -> str:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("set local timezone = 'UTC'")
        cursor.execute(statement, parameters or None)
        row = cursor.fetchone()
    return (row[0] if row else None) or ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
