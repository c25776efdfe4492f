"""`tickmart db`, as a person types it."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import yaml
from sqlalchemy import URL

from warehouse import database as databases
from warehouse.database import backup, locks
from warehouse.database.restore import name_prefix
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings


def tickmart(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tickmart", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("d")
    monkeypatch.delenv("TICKMART_DATABASE_URL", raising=False)
    monkeypatch.setenv("TICKMART_STATE_FOLDER", str(folder))
    monkeypatch.setenv("TICKMART_PROFILES_FOLDER", str(folder))
    yield folder
    tickmart("db", "reset", "--yes")


def test_start_status_stop_reset_tell_what_is_there(own_server: Path) -> None:
    never = tickmart("db", "status")
    assert (never.returncode, never.stderr) == (1, "")
    assert "problem:      never started; start it with: tickmart db start\n" in never.stdout

    started = tickmart("db", "start")
    assert started.returncode == 0, started.stderr
    facts = json.loads(tickmart("db", "status", "--json").stdout)
    assert facts["running"] is True
    assert facts["embedded"] is True
    assert facts["edition"] == "apache"
    assert facts["postgresql"].startswith("17.")
    assert facts["building"] is None
    assert tickmart("db", "psql", "-Atc", "select to_regclass('raw.gfdl_minute_bars')").stdout == (
        "raw.gfdl_minute_bars\n"
    )

    assert tickmart("db", "stop").stdout == "stopped\n"
    assert tickmart("db", "stop").stdout == "it was not running\n"
    stopped = json.loads(tickmart("db", "status", "--json").stdout)
    assert (stopped["running"], stopped["problem"]) == (False, "stopped; start it with: tickmart db start")

    unsure = tickmart("db", "reset")  # no terminal, so no yes
    assert unsure.returncode == 1
    assert Path(facts["data_folder"]).exists()
    assert tickmart("db", "reset", "--yes").stdout == f"deleted {facts['data_folder']}\n"
    assert not Path(facts["data_folder"]).exists()


def test_start_writes_a_profile_that_only_its_owner_reads_and_that_works(own_server: Path) -> None:
    tickmart("db", "start")
    written = own_server / "profiles.yml"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    output = yaml.safe_load(written.read_text())["tickmart"]["outputs"]["tickmart"]
    assert (output["type"], output["schema"], output["threads"]) == ("postgres", "marts", 2)
    psycopg2.connect(
        **{name: output[name] for name in ("host", "port", "user", "password", "dbname")}
    ).close()


def test_the_password_shows_only_where_it_is_asked_for(own_server: Path) -> None:
    started = tickmart("db", "start")
    password = (own_server / "password").read_text()
    told = [
        started,
        tickmart("db", "status"),
        tickmart("db", "status", "--json"),
        tickmart("db", "url", "--no-password"),
    ]
    assert not any(password in done.stdout + done.stderr for done in told)
    assert password in tickmart("db", "url").stdout


def test_start_on_a_named_server_migrates_it_and_writes_its_profile(
    empty_database: URL, tmp_path: Path, newest_migration: str
) -> None:
    done = tickmart("db", "start", TICKMART_PROFILES_FOLDER=str(tmp_path))
    assert done.returncode == 0, done.stderr
    output = yaml.safe_load((tmp_path / "profiles.yml").read_text())["tickmart"]["outputs"]["tickmart"]
    assert output["dbname"] == empty_database.database
    assert tickmart("db", "migrate").stdout == f"up to date: migration {newest_migration}\n"


@pytest.mark.parametrize("command", [["db", "migrate"], ["loads"], ["list"], ["build"]])
def test_a_user_without_rights_is_told_so_in_one_line(database: URL, command: list[str]) -> None:
    user = f"nobody_of_{database.database}"
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create user {user} password 'a-word'")
    try:
        address = database.set(drivername="postgresql", username=user, password="a-word")

        done = tickmart(*command, TICKMART_DATABASE_URL=address.render_as_string(hide_password=False))

        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "the database user lacks a right" in done.stderr
        assert "(permission denied for schema audit)" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    finally:
        with databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"drop user {user}")


def test_migrate_gives_the_roles_back_what_was_taken_from_them(fresh_database: URL) -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema marts create table published (price numeric)")
        cursor.execute("revoke all on all tables in schema audit from tickmart_loader")

    done = tickmart("db", "migrate")

    assert done.returncode == 0, done.stderr
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select
                has_table_privilege('tickmart_loader', 'audit.rejects', 'delete'),
                has_schema_privilege('tickmart_analyst', 'marts', 'usage'),
                has_table_privilege('tickmart_analyst', 'marts.published', 'select'),
                has_table_privilege('tickmart_analyst', 'audit.loads', 'select')
            """
        )
        assert cursor.fetchone() == (True, True, True, False)


def test_a_profile_written_by_hand_is_left_alone(database: URL, tmp_path: Path) -> None:
    (tmp_path / "profiles.yml").write_text("mine: true\n")
    done = tickmart("db", "start", TICKMART_PROFILES_FOLDER=str(tmp_path))
    assert done.returncode == 0
    assert "is your own and was left as it is" in done.stdout
    assert (tmp_path / "profiles.yml").read_text() == "mine: true\n"


@pytest.mark.parametrize("command", [["stop"], ["reset", "--yes"]])
def test_a_named_server_is_neither_stopped_nor_deleted(database: URL, command: list[str]) -> None:
    done = tickmart("db", *command)
    assert done.returncode == 1
    assert "TICKMART_DATABASE_URL names" in done.stderr


def test_a_named_server_that_is_down_is_one_line_and_exit_1(database: URL) -> None:
    address = "postgresql://quant:s3cret@127.0.0.1:1/market"
    for command in ("start", "migrate"):
        done = tickmart("db", command, TICKMART_DATABASE_URL=address)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: cannot connect to database market at 127.0.0.1:1 as quant")
        assert done.stderr.count("\n") == 1
        assert "s3cret" not in done.stderr
    status = tickmart("db", "status", TICKMART_DATABASE_URL=address)
    assert status.returncode == 1
    assert "cannot connect to database market" in status.stdout


def test_status_says_who_is_building(database: URL) -> None:
    with locks.held(locks.BUILD, "nobody else builds") as pid:
        facts = json.loads(tickmart("db", "status", "--json").stdout)
    assert facts["building"].startswith(f"process {pid} (tickmart) of user {database.username} from ")


def fill() -> None:
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            insert into enrichment.option_greeks
            select n, 'minute', timestamptz '2025-01-01' + n * interval '1 hour',
                timestamptz '2025-01-01' + n * interval '1 hour' + interval '1 minute',
                '2025-01-01'::date + n / 24, 'NIFTY', 1.05 * n, 22500.05, 0.0655, 0.1, 0.2, 0.5, 1, 2, 3, 4,
                'ok'
            from generate_series(1, 2000) as n
            """
        )
        cursor.execute(
            """
            insert into audit.loads (source, dataset, uri, started_at, finished_at, status)
            values ('nse-minute', 'minute_bars', 'a.csv', now(), now(), 'loaded')
            """
        )


def contents() -> list[tuple[object, ...]]:
    databases.engine().dispose()
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select
                (select md5(string_agg(g::text, ',' order by contract_id)) from enrichment.option_greeks as
                g), (select count(*) from audit.current_loads),
                (
                    select count(*) from timescaledb_information.chunks
                    where hypertable_name = 'option_greeks'
                ),
                has_table_privilege('tickmart_loader', 'audit.loads', 'insert')
                and has_sequence_privilege('tickmart_loader', 'audit.loads_load_id_seq', 'usage')
                and has_table_privilege('tickmart_loader', 'audit.rejects', 'delete')
                and (
                    select bool_and(has_sequence_privilege('tickmart_loader', oid, 'update'))
                    from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'S'
                )
            """
        )
        return cursor.fetchall()


def test_a_restored_backup_is_the_same_database_hypertables_and_grants_included(
    fresh_database: URL, tmp_path: Path
) -> None:
    fill()
    before = contents()
    assert before[0][1:] == (1, 13, True)

    assert tickmart("db", "backup", str(tmp_path / "all.dump")).returncode == 0
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("truncate enrichment.option_greeks")
    refused = tickmart("db", "restore", str(tmp_path / "all.dump"))
    assert refused.returncode == 1
    assert "is not empty. Restore with --force" in refused.stderr
    restored = tickmart("db", "restore", "--force", str(tmp_path / "all.dump"))

    assert (restored.returncode, restored.stderr) == (0, "")
    assert contents() == before
    with databases.connect() as connection, connection.cursor() as cursor:  # and it goes on as a hypertable
        cursor.execute(
            "insert into enrichment.option_greeks"
            " (contract_id, bar_interval, bar_start, bar_end, session_date, greeks_status)"
            " values (9, 'minute', '2026-01-01 00:00', '2026-01-01 00:01', '2026-01-01', 'pending')"
        )
        cursor.execute("select current_setting('timescaledb.restoring')")
        assert cursor.fetchone() == ("off",)
    assert contents()[0][2] == 14
    assert stat.S_IMODE((tmp_path / "all.dump").stat().st_mode) == 0o600


def test_a_backup_fills_an_empty_database(fresh_database: URL, server_url: URL, tmp_path: Path) -> None:
    fill()
    before = contents()
    backup.back_up(tmp_path / "all.dump")
    with databases.connect() as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {fresh_database.database}_two template template0")
    other = server_url.set(database=f"{fresh_database.database}_two").render_as_string(hide_password=False)
    try:
        done = tickmart("db", "restore", str(tmp_path / "all.dump"), TICKMART_DATABASE_URL=other)
        assert (done.returncode, done.stderr) == (0, "")
        assert (
            tickmart(
                "db",
                "psql",
                "-Atc",
                "select count(*) from enrichment.option_greeks",
                TICKMART_DATABASE_URL=other,
            ).stdout
            == "2000\n"
        )
        assert contents() == before
    finally:
        tickmart("db", "psql", "-qc", f"drop database {fresh_database.database}_two with (force)")


def test_a_restore_that_fails_leaves_the_database_as_it_was(fresh_database: URL, tmp_path: Path) -> None:
    fill()
    before = contents()
    database_name = str(fresh_database.database)
    backup.back_up(tmp_path / "all.dump")
    whole = (tmp_path / "all.dump").read_bytes()
    (tmp_path / "cut.dump").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "other.dump").write_text("select 1;")

    cut = tickmart("db", "restore", "--force", str(tmp_path / "cut.dump"))
    assert cut.returncode == 1
    assert cut.stderr.startswith(f"error: {tmp_path / 'cut.dump'} cannot be read as a backup: ")
    assert "is no backup" in tickmart("db", "restore", "--force", str(tmp_path / "other.dump")).stderr
    assert "no such file" in tickmart("db", "restore", "--force", str(tmp_path / "none.dump")).stderr

    assert contents() == before
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database where datname ~ %s", (name_prefix(database_name),))
        assert cursor.fetchall() == []


def test_a_backup_that_fails_leaves_the_earlier_file(fresh_database: URL, tmp_path: Path) -> None:
    (tmp_path / "all.dump").write_text("the earlier one")
    done = tickmart(
        "db", "backup", str(tmp_path / "all.dump"), TICKMART_DATABASE_URL="postgresql://a:b@127.0.0.1:1/c"
    )
    assert done.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["all.dump"]
    assert (tmp_path / "all.dump").read_text() == "the earlier one"


def test_a_server_newer_than_every_client_program_is_a_clear_error(
    database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        TickmartError, match=r"is PostgreSQL 99 and needs a pg_dump at least as new: the embedded one is 17, "
    ):
        backup.client_program("pg_dump", 99)
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.1 (Debian 99.1-1)'\n")
    (tmp_path / "pg_dump").chmod(0o755)
    assert backup.client_program("pg_dump", 99) == str(tmp_path / "pg_dump")


def test_psql_passes_its_arguments_on_and_its_exit_code_back(database: URL) -> None:
    assert tickmart("db", "psql", "-At", "-c", "select current_database()").stdout == f"{database.database}\n"
    assert tickmart("db", "psql", "-c", "select no_such_column").returncode == 1
    assert shutil.which("psql") is None or settings().database_url is not None
