"""The sources that can be loaded, and the raw tables that hold them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2.extensions
import pyarrow as pa
from psycopg2 import sql

from loaders import kite_instruments, nse_bhavcopy, nse_cash, nse_index, nse_minute, nse_option_chain
from loaders.layouts import Layout, RawTable
from warehouse.database import locks
from warehouse.errors import TickmartError

SUFFIXES = (".csv", ".txt", ".gz", ".zip", ".bz2", ".zst", ".parquet")


@dataclass(frozen=True)
class Source:
    """Something that `tickmart load` can land.

    Attributes
    ----------
    name : str
        The word after `tickmart load`, and `source` in the ledger.
    dataset : str
        What the rows are, `dataset` in the ledger.
    layouts : tuple of Layout
        The layouts that files of this source have.
    description : str
        One line for `tickmart load --help`.
    suffixes : tuple of str
        Which files of a folder or an archive are taken for data.
    undated : bool
        Whether the rows say nowhere of which day they are, so that whoever loads them has to.
    rows_of_json : callable or None
        Makes the table of a JSON document and the file's name; None for a source that has no documents.
    """

    name: str
    dataset: str
    layouts: tuple[Layout, ...]
    description: str
    suffixes: tuple[str, ...] = SUFFIXES
    undated: bool = False
    rows_of_json: Callable[[Any, str], pa.Table] | None = None

    @property
    def raw_tables(self) -> tuple[RawTable, ...]:
        """The tables that its rows land in, one or more layouts each."""
        return tuple(dict.fromkeys(layout.table for layout in self.layouts))


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="nse-minute",
            dataset="minute_bars",
            layouts=nse_minute.LAYOUTS,
            description="1-minute bars of NSE options, futures and indices, GlobalDataFeeds (GFDL) layouts.",
        ),
        Source(
            name="nse-bhavcopy",
            dataset="fo_bhavcopy",
            layouts=nse_bhavcopy.LAYOUTS,
            description="The exchange's daily F&O bhavcopy, UDiFF and the layout before July 2024.",
        ),
        Source(
            name="nse-cash",
            dataset="cash_bhavcopy",
            layouts=nse_cash.LAYOUTS,
            description="The exchange's daily cash bhavcopy: UDiFF, with deliveries, or before July 2024.",
        ),
        Source(
            name="nse-index",
            dataset="index_closes",
            layouts=nse_index.LAYOUTS,
            description="The daily closes of the exchange's indices (ind_close_all).",
        ),
        Source(
            name="nse-option-chain",
            dataset="chain_snapshots",
            layouts=nse_option_chain.LAYOUTS,
            description="Snapshots of the exchange's option chain: its API's JSON answers, captures in CSV.",
            suffixes=(*SUFFIXES, ".json"),
            rows_of_json=nse_option_chain.rows_of_answer,
        ),
        Source(
            name="kite-instruments",
            dataset="instruments",
            layouts=kite_instruments.LAYOUTS,
            description="A day's list of instruments as Kite (Zerodha) gives it out.",
            undated=True,
        ),
    )
}


def source_named(name: str) -> Source:
    """Return the source of a name.

    Raises
    ------
    TickmartError
        For a name that no source has.
    """
    if name not in SOURCES:
        raise TickmartError(f"unknown source {name!r}; known sources: {', '.join(SOURCES)}")
    return SOURCES[name]


def create_raw_tables(connection: psycopg2.extensions.connection) -> None:
    """Make the raw tables that are missing and add the columns that older ones lack, then commit.

    Safe to run at any time and in two sessions at once; where everything is there, it only looks.

    Parameters
    ----------
    connection : psycopg2 connection
        Whose user may create tables in `raw`, unless nothing is missing.
    """
    with connection.cursor() as cursor:
        described = {table: s.description for s in SOURCES.values() for table in s.raw_tables}
        if any(_missing(cursor, table) is not None for table in described):
            locks.lock(cursor, "raw tables")  # by whoever makes them
            for table, description in described.items():
                _make(cursor, table, description)
    connection.commit()


def _missing(cursor: psycopg2.extensions.cursor, raw: RawTable) -> list[str] | None:
    """Return the columns that the table lacks; None when it lacks none."""
    cursor.execute(
        "select attname from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        (raw.qualified,),
    )
    there = {name for (name,) in cursor.fetchall()}
    missing = [column for column in (*raw.columns, "_load_id", "_line") if column not in there]
    return missing or None


def _make(cursor: psycopg2.extensions.cursor, raw: RawTable, description: str) -> None:
    missing = _missing(cursor, raw)
    if missing is None:
        return
    table = sql.Identifier("raw", raw.name)
    if "_line" not in missing:
        cursor.execute(
            sql.SQL("alter table {} {}").format(
                table,
                sql.SQL(", ").join(sql.SQL("add column {} text").format(sql.Identifier(c)) for c in missing),
            )
        )
        return
    # The two last columns fill themselves, so COPY takes a file's bytes as they are. The identity hands out
    # its numbers in blocks: one sequence update per thousand rows.
    cursor.execute(
        sql.SQL(
            "create table {} ({},"
            " _load_id bigint not null default current_setting('tickmart.load_id')::bigint,"
            " _line bigint not null generated by default as identity (cache 1000))"
        ).format(
            table,
            sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(c)) for c in raw.columns),
        )
    )
    # BRIN: loads lie behind one another, and a btree would double the time of a load.
    cursor.execute(
        sql.SQL("create index {} on {} using brin (_load_id) with (autosummarize = on)").format(
            sql.Identifier(f"{raw.name}_load_id"), table
        )
    )
    cursor.execute(
        sql.SQL("comment on table {} is {}").format(
            table, sql.Literal(f"{description} Text as the vendor wrote it; one row per landed line.")
        )
    )
    # Line numbers are set by hand where a file has rejects, which takes more than the usage of a sequence.
    cursor.execute("select pg_get_serial_sequence(%s, '_line')", (raw.qualified,))
    (sequence,) = next(cursor)
    cursor.execute("select from pg_roles where rolname = 'tickmart_loader'")
    if cursor.fetchone() is not None:
        cursor.execute(
            sql.SQL("grant usage, update on sequence {} to tickmart_loader").format(sql.SQL(sequence))
        )
    for role, rights in (("tickmart_loader", "select, insert, delete"), ("tickmart_transformer", "select")):
        cursor.execute("select from pg_roles where rolname = %s", (role,))
        if cursor.fetchone() is not None:
            cursor.execute(
                sql.SQL("grant {} on {} to {}").format(sql.SQL(rights), table, sql.Identifier(role))
            )
