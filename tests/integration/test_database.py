"""Connections, checks and migrations."""

import hashlib
import io
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

import alembic.command
import psycopg2.errors
import pytest
from alembic.config import Config
from sqlalchemy import URL, text

from loaders.landing import land
from warehouse import database as databases
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

MIGRATE = "from warehouse import database; database.migrate()"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def use(address: pytest.MonkeyPatch, url: str) -> None:
    address.setenv("TICKMART_DATABASE_URL", url)
    settings.cache_clear()


def test_the_engine_speaks_psycopg2(database: URL) -> None:
    assert databases.engine().driver == "psycopg2"


def test_connections_say_that_they_are_tickmarts(database: URL) -> None:
    with databases.engine().connect() as pooled, databases.connect() as own, own.cursor() as cursor:
        cursor.execute("select current_setting('application_name')")
        names = [cursor.fetchone()[0], pooled.scalar(text("select current_setting('application_name')"))]
    assert names == ["tickmart", "tickmart"]


def test_migrations_make_exactly_the_python_owned_tables(database: URL) -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select schemaname || '.' || tablename from pg_tables where schemaname in ('audit', 'enrichment')
            union all
            select schemaname || '.' || viewname from pg_views where schemaname in ('audit', 'enrichment')
            order by 1
            """
        )
        assert [name for (name,) in cursor.fetchall()] == [
            "audit.alembic_version",
            "audit.build_lock",
            "audit.built_loads",
            "audit.built_models",
            "audit.current_loads",
            "audit.greeks_lock",
            "audit.last_build",
            "audit.left_due",
            "audit.loads",
            "audit.loads_to_build",
            "audit.locks",
            "audit.rejects",
            "audit.slices_to_build",
            "enrichment.exchange_calendars",
            "enrichment.exchange_sessions",
            "enrichment.greeks_due",
            "enrichment.greeks_slices",
            "enrichment.option_greeks",
            "enrichment.option_greeks_coarse",
            "enrichment.volatility_fits",
            "enrichment.volatility_nodes",
        ]
        cursor.execute(
            "select hypertable_schema || '.' || hypertable_name,"
            " array_agg(column_name::text order by dimension_number)"
            " from timescaledb_information.dimensions group by 1 order by 1"
        )
        assert cursor.fetchall() == [
            ("enrichment.option_greeks", ["bar_start", "session_date", "bar_end"]),
            ("enrichment.option_greeks_coarse", ["bar_start", "session_date"]),
        ]


def test_the_current_load_of_a_file_is_the_newest_that_landed_and_was_not_taken_back(
    fresh_database: URL,
) -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        for status, unloaded in (("loaded", None), ("loaded", None), ("failed", None), ("empty", "now()")):
            cursor.execute(
                """
                insert into audit.loads (source, dataset, uri, started_at, finished_at, status, unloaded_at)
                values ('nse-minute', 'minute_bars', 'a.csv', now(), now(), %s, %s)
                """,
                (status, unloaded),
            )
        cursor.execute("select load_id from audit.current_loads")
        assert cursor.fetchall() == [(2,)]


def test_the_roles_reach_what_their_work_needs_and_no_more(fresh_database: URL) -> None:
    may = """
        select has_schema_privilege(%(role)s, 'raw', 'create'),
               has_table_privilege(%(role)s, 'audit.loads', 'insert'),
               has_table_privilege(%(role)s, 'raw.gfdl_minute_bars', 'select'),
               has_table_privilege(%(role)s, 'enrichment.option_greeks', 'insert')
    """
    with databases.connect() as connection, connection.cursor() as cursor:
        rights = {}
        for role in ("tickmart_loader", "tickmart_transformer", "tickmart_analyst"):
            cursor.execute(may, {"role": role})
            rights[role] = cursor.fetchone()
    assert rights == {
        "tickmart_loader": (True, True, True, False),
        "tickmart_transformer": (False, False, True, True),
        "tickmart_analyst": (False, False, False, False),
    }


def test_a_user_who_may_not_create_roles_migrates_all_the_same(
    empty_database: URL, address: pytest.MonkeyPatch
) -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop role if exists plain_owner")
        cursor.execute("create role plain_owner login password 'plain'")
        cursor.execute(f"alter database {empty_database.database} owner to plain_owner")
        cursor.execute("create extension timescaledb")
    use(
        address,
        empty_database.set(username="plain_owner", password="plain").render_as_string(hide_password=False),
    )

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select current_user, to_regclass('audit.loads') is not null")
        assert cursor.fetchone() == ("plain_owner", True)
    use(address, empty_database.render_as_string(hide_password=False))
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"alter database {empty_database.database} owner to current_user")
        cursor.execute("reassign owned by plain_owner to current_user")
        cursor.execute("drop owned by plain_owner")
        cursor.execute("drop role plain_owner")


def test_two_commands_may_migrate_at_once(empty_database: URL, newest_migration: str) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE], stderr=subprocess.PIPE, text=True, cwd=PROJECT_FOLDER
        )
        for _ in range(2)
    ]
    complaints = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], complaints
    with databases.engine().connect() as connection:
        assert databases.migration_in_place(connection) == newest_migration


def test_a_second_migration_changes_nothing(fresh_database: URL) -> None:
    counting = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_all_tables"
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute(counting)
        before = cursor.fetchone()

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute(counting)
        assert cursor.fetchone() == before


def test_symbols_of_a_warehouse_of_before_learn_who_decided_their_expiry(empty_database: URL) -> None:
    migrate_to("0002")
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists intermediate")
        cursor.execute(
            "create table intermediate.int_symbols__parsed as"
            " select * from (values"
            " ('nse', 'NIFTY25AUGFUT', 'future', date '2025-08-28'),"
            " ('gfdl', 'NIFTY28AUG25FUT.NFO', 'future', '2025-08-28'),"
            " ('gfdl', 'NIFTY-I.NFO', 'future', '2025-08-28'),"
            " ('gfdl', 'NIFTY 50.NSE_IDX', 'index', null),"
            " ('gfdl', 'NIFTY31FEB25FUT.NFO', 'future', null)"
            " ) as known (dialect, vendor_symbol, instrument_type, expiry)"
        )

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select vendor_symbol, expiry_decided_by from intermediate.int_symbols__parsed")
        assert dict(cursor.fetchall()) == {
            "NIFTY25AUGFUT": "file",
            "NIFTY28AUG25FUT.NFO": "symbol",
            "NIFTY-I.NFO": "file",
            "NIFTY 50.NSE_IDX": None,
            "NIFTY31FEB25FUT.NFO": None,
        }


def test_slices_of_a_warehouse_of_before_learn_their_exchange_and_group(empty_database: URL) -> None:
    migrate_to("0015")
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists intermediate")
        cursor.execute(
            "create table intermediate.int_loads__slices (load_id bigint, instrument_type text,"
            " underlying text, session_date date,"
            " primary key (load_id, instrument_type, underlying, session_date))"
        )
        cursor.execute(
            "insert into intermediate.int_loads__slices values"
            " (1, 'option', 'NIFTY', '2025-03-12'), (2, 'equity', 'NSE', '2025-03-12')"
        )
        connection.commit()

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select load_id, instrument_type, exchange, slice_group from intermediate.int_loads__slices"
            " order by load_id"
        )
        assert cursor.fetchall() == [(1, "option", "NSE", "NIFTY"), (2, "equity", "NSE", "*")]


def test_greeks_of_before_learn_the_exchange_of_their_contracts(empty_database: URL) -> None:
    migrate_to("0017")
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists intermediate")
        cursor.execute(
            "create table intermediate.int_contracts__registered as select * from (values"
            " (1, 'NSE', 'option', 'NIFTY'), (1, null, 'option', 'NIFTY'), (2, 'BSE', 'option', 'SENSEX'),"
            " (3, 'NSE', 'option', 'ACME'), (4, 'BSE', 'option', 'ACME'), (5, null, 'option', 'OLD')"
            ") as known (contract_id, exchange, instrument_type, underlying)"
        )
        for contract_id, underlying in enumerate(("NIFTY", "SENSEX", "ACME", "ACME", "OLD", "GONE"), 1):
            for table, bar_interval in (("option_greeks", "minute"), ("option_greeks_coarse", "day")):
                cursor.execute(
                    f"insert into enrichment.{table} (contract_id, bar_interval, bar_start, bar_end,"
                    " session_date, underlying, greeks_status) values"
                    " (%s, %s, '2025-03-12 04:00Z', '2025-03-12 04:01Z', '2025-03-12', %s, 'ok')",
                    (contract_id, bar_interval, underlying),
                )
        for table, columns, values in (
            ("greeks_slices", "inputs_version, rows", "'v1', 1"),
            ("greeks_due", "has_new_rows", "true"),
            ("volatility_fits", "expiry, bar_end, fit_status, strikes, traded_strikes", FIT),
            ("volatility_nodes", "tenor_days, delta, bar_end", "30, 0.5, '2025-03-12 10:00Z'"),
        ):
            cursor.execute(
                f"insert into enrichment.{table} (underlying, session_date, bar_interval, {columns})"
                f" select underlying, '2025-03-12', 'day', {values}"
                " from unnest(array['NIFTY', 'SENSEX', 'ACME', 'OLD', 'GONE']) as underlying"
            )
        connection.commit()

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        for table in ("option_greeks", "option_greeks_coarse"):
            cursor.execute(f"select contract_id, exchange from enrichment.{table} order by contract_id")
            assert cursor.fetchall() == [
                (1, "NSE"), (2, "BSE"), (3, "NSE"), (4, "BSE"), (5, "NSE"), (6, "NSE"),
            ]  # fmt: skip
        for table in ("greeks_slices", "greeks_due", "volatility_fits", "volatility_nodes"):
            cursor.execute(f"select underlying, exchange from enrichment.{table} order by underlying")
            assert cursor.fetchall() == [
                ("ACME", "NSE"), ("GONE", "NSE"), ("NIFTY", "NSE"), ("OLD", "NSE"), ("SENSEX", "BSE"),
            ]  # fmt: skip
            # the same slice of another exchange has a key of its own
            cursor.execute(
                "create temporary table of_bse as"
                f" select * from enrichment.{table} where underlying = 'ACME';"
                " update of_bse set exchange = 'BSE';"
                f" insert into enrichment.{table} select * from of_bse; drop table of_bse"
            )


FIT = "'2025-03-27', '2025-03-12 10:00Z', 'ok', 9, 9"


@pytest.mark.parametrize("read", ["enrichment.option_greeks", "intermediate.greeks_slices_due"])
def test_a_view_that_no_build_would_bring_back_is_not_dropped(empty_database: URL, read: str) -> None:
    migrate_to("0015")
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists intermediate")
        cursor.execute("create view intermediate.greeks_slices_due as select 'NIFTY' as underlying")
        cursor.execute(f"create view public.of_an_analyst as select count(*) from {read}")
        connection.commit()

    with pytest.raises(
        psycopg2.errors.RaiseException,
        match=r"these views would not: (public\.)?of_an_analyst\. Nothing was done",
    ):
        databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop view public.of_an_analyst")
        connection.commit()
    databases.migrate()


def test_file_names_and_alembic_agree_on_the_newest_migration(
    fresh_database: URL, newest_migration: str
) -> None:
    with databases.engine().connect() as connection:
        assert databases.migration_in_place(connection) == newest_migration


def test_a_database_of_a_newer_tickmart_is_refused(fresh_database: URL) -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("update audit.alembic_version set version_num = '9999'")
    with pytest.raises(TickmartError, match=r"migrated by a newer tickmart \(to 9999\)"):
        databases.migrate()


def test_a_block_that_raises_leaves_nothing_behind(fresh_database: URL) -> None:
    def build_and_fail() -> None:
        with databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute("insert into audit.built_loads values ('options_ticks', 1)")
            raise ValueError

    with pytest.raises(ValueError):
        build_and_fail()
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.built_loads")
        assert cursor.fetchone() == (0,)


def test_a_server_that_is_down_is_named_by_host_and_port_without_the_password(
    address: pytest.MonkeyPatch,
) -> None:
    use(address, "postgresql://quant:s3cret@127.0.0.1:1/market")
    for attempt in (databases.connect().__enter__, databases.engine().connect):
        with pytest.raises(TickmartError) as caught:
            attempt()
        assert "cannot connect to database market at 127.0.0.1:1 as quant" in str(caught.value)
        assert "Connection refused" in str(caught.value)
        assert "s3cret" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(server_url: URL, address: pytest.MonkeyPatch) -> None:
    use(address, server_url.set(password="wr0ng-one").render_as_string(hide_password=False))
    with pytest.raises(TickmartError, match="password authentication failed") as caught:
        databases.connect().__enter__()
    assert "wr0ng-one" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://quant:s3cret@host/db",
        "host:s3cret",
        "postgresql://quant:s3cret@host:port/db",
        "postgresql:///",
    ],
)
def test_what_is_no_address_of_a_postgresql_is_refused_without_showing_it(
    wrong: str, address: pytest.MonkeyPatch
) -> None:
    use(address, wrong)
    with pytest.raises(TickmartError, match="TICKMART_DATABASE_URL is not the address") as caught:
        databases.database_url()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg"]
)
def test_every_spelling_of_the_scheme_becomes_psycopg2(scheme: str, address: pytest.MonkeyPatch) -> None:
    use(address, f"{scheme}://quant:p%40ss@host:6543/market?sslmode=require")
    url = databases.database_url()
    assert url.drivername == "postgresql+psycopg2"
    assert (url.host, url.port, url.database, url.password) == ("host", 6543, "market", "p@ss")
    assert url.query == {"sslmode": "require"}


def test_an_older_postgresql_is_refused() -> None:
    with pytest.raises(
        TickmartError, match=r"server at db\.example:5432 is PostgreSQL 15\.20; tickmart needs 16 or newer"
    ):
        databases.require_postgresql(150020, "db.example:5432")
    databases.require_postgresql(160000, "db.example:5432")


def test_a_query_error_stays_a_query_error(database: URL) -> None:
    with (
        pytest.raises(psycopg2.errors.UndefinedTable),
        databases.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select from no_such_table")


_MEMBERS = ["50%.csv", "a!b.csv", "what?.csv", "inner!.zip", "plain.csv"]


def test_members_that_earlier_versions_named_unquoted_are_not_loaded_again(
    empty_database: URL, tmp_path: Path
) -> None:
    content = (PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy/udiff_20240708.csv").read_bytes()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("100%.csv", content)
    with zipfile.ZipFile(tmp_path / "year.zip", "w") as archive:
        for name in _MEMBERS:
            archive.writestr(name, inner.getvalue() if name.endswith(".zip") else content)
    uri = (tmp_path / "year.zip").as_uri()
    earlier = [f"{uri}!{name}" + ("!100%.csv" if name.endswith(".zip") else "") for name in _MEMBERS]
    migrate_to("0010")
    with databases.connect() as connection, connection.cursor() as cursor:
        for name in earlier:
            cursor.execute(
                "insert into audit.loads (source, dataset, uri, sha256, bytes, rows, started_at, finished_at,"
                " status) values ('nse-bhavcopy', 'fo_bhavcopy', %s, %s, %s, 1, now(), now(), 'loaded')",
                (name, hashlib.sha256(content).hexdigest(), len(content)),
            )

    report = land("nse-bhavcopy", [tmp_path / "year.zip"])

    assert [outcome.status for outcome in report.outcomes] == ["already loaded"] * 5
    assert {outcome.uri.removeprefix(uri) for outcome in report.outcomes} == {
        "!50%25.csv", "!a%21b.csv", "!what%3F.csv", "!inner%21.zip!100%25.csv", "!plain.csv",
    }  # fmt: skip


def test_the_day_behind_the_name_of_a_member_stays_as_it_is(empty_database: URL) -> None:
    migrate_to("0010")
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into audit.loads (source, dataset, uri, started_at, finished_at, status) values"
            " ('kite-instruments', 'instruments', 'file:///a%21.zip!b?.csv#2?as_of=2025-10-06', now(), now(),"
            " 'empty')"
        )

    databases.migrate()

    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select uri from audit.loads")
        assert cursor.fetchall() == [("file:///a%21.zip!b%3F.csv#2?as_of=2025-10-06",)]


def migrate_to(migration: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(PROJECT_FOLDER / "warehouse/database/migrations"))
    with databases.engine().begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, migration)
