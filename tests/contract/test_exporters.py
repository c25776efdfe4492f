"""What every exporter promises. A new exporter needs a reader in `readers.py`, no new test."""

import itertools
import json
import secrets
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import mart_tables
import psycopg2.errors
import psycopg2.extensions
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from built_warehouse import close_for_copying, copy_of
from faulty_s3 import endpoint, faulty_proxy
from mart_tables import APRIL, CALL, MARCH, PUT, SYMBOLS, change
from publications import differing, read_published
from readers import READERS, mart_minute_bars
from sqlalchemy import URL

from exporters.exporting import ExportReport, export, plan_slices
from exporters.formats import EXPORTERS
from exporters.formats.backtrader import FEEDS, FEEDS_FILE
from exporters.formats.nautilus import open_catalog
from exporters.months import by_month
from exporters.publish import Manifest, open_store, read_manifest
from exporters.series import Series
from warehouse import database as databases
from warehouse.database import locks
from warehouse.errors import TickmartError
from warehouse.settings import settings

pytest_plugins = ["s3_server"]
# formats for these tests alone, found in the same way as a user's own: one divided by day and year, one by
# symbol
PLUGINS = Path(__file__).parents[1] / "plugins"
OLDER = Path(__file__).parents[1] / "fixtures/older-exports"
PLAIN = ("plain-days", "plain-symbols")
OF_BSE = 21
# Publishing, locks and interruptions know of a format only what is replaced together: their tests run on one
# with files of months, and on those divided otherwise.
OF_TRANSPORT = ("nautilus", *PLAIN)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    of_transport = metafunc.definition.get_closest_marker("transport")
    metafunc.parametrize("exporter", OF_TRANSPORT if of_transport else [*EXPORTERS, *PLAIN])


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TICKMART_PLUGINS_FOLDER", str(PLUGINS))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def partition(exporter: str, day: date) -> str:
    return EXPORTERS[exporter].partition(Series.MINUTE_BARS, "NIFTY", day)


@pytest.fixture(scope="module")
def filled(database: URL) -> URL:
    """A database with filled marts; only copies are made of it."""
    with databases.connect() as connection:
        mart_tables.create(connection)
        mart_tables.fill(connection)
    close_for_copying(database)
    return database


@pytest.fixture
def marts(filled: URL) -> Iterator[psycopg2.extensions.connection]:
    with copy_of(filled), databases.connect() as connection:
        yield connection


def run(
    exporter: str, destination: str | Path, first: date | None = None, last: date | None = None
) -> ExportReport:
    return export(exporter, ["NIFTY"], first, last, str(destination))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "manifest.json") and ".staging" not in path.parts
    }


def test_every_exporter_has_a_reader(exporter: str) -> None:
    assert exporter in READERS


def test_bars_read_back_equal_to_the_mart(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    report = run(exporter, tmp_path)

    assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)
    assert report.rows_verified == report.rows > 0
    assert (report.first, report.last) == (MARCH, APRIL)


def test_bars_read_back_from_s3_equal_to_the_mart(
    exporter: str,
    marts: psycopg2.extensions.connection,
    s3_bucket: str,
) -> None:
    run(exporter, f"{s3_bucket}/catalogs/one")

    assert READERS[exporter].minute_bars(f"{s3_bucket}/catalogs/one") == mart_minute_bars(marts)


def test_a_bucket_holds_the_same_files_as_a_folder(
    exporter: str,
    marts: psycopg2.extensions.connection,
    tmp_path: Path,
    s3_bucket: str,
) -> None:
    run(exporter, tmp_path)
    run(exporter, s3_bucket)

    local, remote = read_manifest(open_store(tmp_path)), read_manifest(open_store(s3_bucket))
    assert local is not None
    assert remote is not None
    assert local.files == remote.files
    assert differing(open_store(s3_bucket)) == []
    assert differing(open_store(tmp_path)) == []


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_second_export_writes_nothing(
    exporter: str,
    marts: psycopg2.extensions.connection,
    tmp_path: Path,
    s3_bucket: str,
    place: str,
) -> None:
    destination = str(tmp_path) if place == "folder" else s3_bucket
    first = run(exporter, destination)
    manifest = open_store(destination).read("manifest.json")

    second = run(exporter, destination)

    assert (second.outcome.written, second.outcome.removed) == (0, 0)
    assert second.outcome.unchanged == first.outcome.written
    assert open_store(destination).read("manifest.json") == manifest


@contextmanager
def whoever_reads_a_mart_is_refused() -> Iterator[None]:
    with databases.connect() as other, other.cursor() as cursor, pytest.MonkeyPatch.context() as patch:
        for mart in (*mart_tables.TABLES, "data_coverage"):
            cursor.execute(f"lock table marts.{mart}")
        patch.setenv("PGOPTIONS", "-c lock_timeout=1s")
        yield


def test_a_second_export_reads_no_mart(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    first = run(exporter, tmp_path)

    with whoever_reads_a_mart_is_refused():
        second = run(exporter, tmp_path)

    assert (second.rows, second.rows_verified) == (first.rows, first.rows_verified)
    assert (second.outcome.written, second.outcome.unchanged) == (0, first.outcome.written)


def test_an_export_of_other_sessions_or_after_a_build_reads_the_marts(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)

    with whoever_reads_a_mart_is_refused(), pytest.raises(psycopg2.errors.LockNotAvailable):
        run(exporter, tmp_path, MARCH, MARCH)
    change(marts, "update marts.options_ticks set close = close")
    with whoever_reads_a_mart_is_refused(), pytest.raises(psycopg2.errors.LockNotAvailable):
        run(exporter, tmp_path)


def test_a_second_export_mends_a_file_that_was_damaged(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    before = contents(tmp_path)
    damaged = next(path for path in sorted(before) if not path.endswith("manifest.json"))
    (tmp_path / damaged).write_bytes(b"damaged")

    assert run(exporter, tmp_path).outcome.written == 1
    assert contents(tmp_path)[damaged] == before[damaged]


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_changed_bar_replaces_the_files_of_its_contract_and_partition_alone(
    exporter: str,
    marts: psycopg2.extensions.connection,
    tmp_path: Path,
    s3_bucket: str,
    place: str,
) -> None:
    destination = str(tmp_path) if place == "folder" else s3_bucket
    run(exporter, destination)
    before = read_manifest(open_store(destination))
    change(
        marts,
        f"update marts.options_ticks set high = 999.95 where contract_id = {CALL}"
        f" and session_date = '{APRIL}' and close = 100.10",
    )

    report = run(exporter, destination)

    after = read_manifest(open_store(destination))
    assert before is not None
    assert after is not None
    changed = {path for path in after.files if after.files[path] != before.files[path]}
    assert len(changed) == report.outcome.written == 1
    assert all(SYMBOLS[CALL] in path for path in changed)
    assert {after.files[path].partition for path in changed} == {partition(exporter, APRIL)}
    assert READERS[exporter].minute_bars(destination) == mart_minute_bars(marts)


def test_a_contract_that_vanished_loses_its_files(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    for table in ("options_ticks", "options_hourly", "options_daily"):
        change(marts, f"delete from marts.{table} where contract_id = {PUT}")

    run(exporter, tmp_path)

    assert not [path for path in tmp_path.rglob("*") if SYMBOLS[PUT] in str(path)]
    assert [path for path in tmp_path.rglob("*") if SYMBOLS[CALL] in str(path)]
    assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)


def test_contracts_of_one_name_at_two_exchanges_stand_side_by_side(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path / "one")
    for table in ("options_metadata", "options_ticks", "options_hourly", "options_daily"):
        change(
            marts,
            f"create temporary table of_bse as select * from marts.{table} where contract_id = {CALL};"
            f" update of_bse set contract_id = {OF_BSE}, exchange = 'BSE';"
            f" insert into marts.{table} select * from of_bse; drop table of_bse",
        )
    change(marts, f"update marts.options_ticks set close = close + 1 where contract_id = {OF_BSE}")

    report = run(exporter, tmp_path / "two")

    bars = READERS[exporter].minute_bars(str(tmp_path / "two"))
    assert sorted((symbol.removesuffix(".BSE").removesuffix(".NSE"), *bar) for symbol, *bar in bars) == (
        mart_minute_bars(marts)
    )
    assert report.rows_verified == report.rows
    assert not [path for path in contents(tmp_path / "one") if "BSE" in path]


def test_a_partition_that_is_not_asked_for_stays(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    change(marts, f"update marts.futures_ticks set volume = volume + 1 where session_date = '{MARCH}'")
    before = contents(tmp_path)

    run(exporter, tmp_path, APRIL, APRIL)

    if partition(exporter, MARCH) == partition(exporter, APRIL):  # a partition asked for in part stays whole
        assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)
    else:
        assert contents(tmp_path) == before


def test_days_exported_one_after_the_other_equal_one_export(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path / "apart", MARCH, MARCH)
    run(exporter, tmp_path / "apart", APRIL, APRIL)
    run(exporter, tmp_path / "whole")

    assert contents(tmp_path / "apart") == contents(tmp_path / "whole")
    assert READERS[exporter].minute_bars(str(tmp_path / "apart")) == mart_minute_bars(marts)


def test_a_day_added_to_what_was_exported_keeps_the_days_before(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path, APRIL, APRIL)
    following = date(2025, 4, 2)
    mart_tables.insert(
        marts, "futures_ticks", mart_tables.minutes(mart_tables.FUTURE, following, 4, "22700.00")
    )
    mart_tables.insert(
        marts,
        "futures_daily",
        [mart_tables.day_row(mart_tables.minutes(mart_tables.FUTURE, following, 1, "22700.00")[0])],
    )

    run(exporter, tmp_path, following, following)

    april = [row for row in mart_minute_bars(marts) if row[1].month == 4]
    assert READERS[exporter].minute_bars(str(tmp_path)) == april


def test_an_empty_range_names_what_there_is(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    with pytest.raises(TickmartError, match="NIFTY from 2025-03-28 to 2025-04-01"):
        run(exporter, tmp_path, date(2024, 1, 1), date(2024, 1, 31))

    assert contents(tmp_path) == {}


def test_an_unknown_underlying_names_those_there_are(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    with pytest.raises(TickmartError, match="no data of SENSEX; the marts hold NIFTY"):
        export(exporter, ["SENSEX"], None, None, str(tmp_path))


def test_a_database_without_marts_says_what_to_do(exporter: str, fresh_database: URL, tmp_path: Path) -> None:
    with pytest.raises(TickmartError, match=r"no marts yet.*tickmart build"):
        run(exporter, tmp_path)

    with databases.connect() as connection:
        mart_tables.create(connection)
    with pytest.raises(TickmartError, match="the marts are empty"):
        run(exporter, tmp_path)


@pytest.mark.transport
def test_a_missing_bucket_is_named(
    exporter: str,
    marts: psycopg2.extensions.connection,
    s3_server: str,
) -> None:
    with pytest.raises(TickmartError, match="there is no bucket nobody-made-this"):
        run(exporter, "s3://nobody-made-this/catalog")


@pytest.mark.transport
def test_a_second_export_at_the_same_time_is_refused(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    with open_store(tmp_path).lock(), pytest.raises(TickmartError, match="another export is writing"):
        run(exporter, tmp_path)


@pytest.mark.transport
def test_a_second_export_to_one_bucket_is_refused(
    exporter: str,
    marts: psycopg2.extensions.connection,
    s3_bucket: str,
) -> None:
    with (
        locks.held(f"export {s3_bucket}", "nobody else writes") as process,
        pytest.raises(TickmartError, match=f"another export is writing to {s3_bucket}: process {process} "),
    ):
        run(exporter, s3_bucket)


@pytest.mark.transport
def test_who_may_not_lock_a_bucket_exports_to_a_folder_alone(
    exporter: str,
    marts: psycopg2.extensions.connection,
    tmp_path: Path,
    s3_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"tickmart_test_{secrets.token_hex(4)}"
    change(marts, f"create user {name} password 'pass' in role pg_read_all_data")
    address = databases.database_url().set(username=name, password="pass")
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TICKMART_DATABASE_URL", address.render_as_string(hide_password=False))
            settings.cache_clear()
            with pytest.raises(
                TickmartError, match=f"cannot export to {s3_bucket}: this user may not lock it .* audit.locks"
            ):
                run(exporter, s3_bucket)
            run(exporter, tmp_path)
    finally:
        settings.cache_clear()
        change(marts, f"drop user {name}")

    assert open_store(s3_bucket).read("manifest.json") is None
    assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)


@pytest.mark.transport
def test_an_export_whose_lock_is_ended_stops_and_the_next_is_whole(
    exporter: str, marts: psycopg2.extensions.connection, s3_server: str, s3_bucket: str
) -> None:
    run(exporter, s3_bucket)
    versions = [read_published(s3_bucket)[1]]
    change(marts, "update marts.options_ticks set volume = volume + 75")
    run(exporter, f"{s3_bucket}/undisturbed")
    versions.append(read_published(f"{s3_bucket}/undisturbed")[1])

    def end_lock() -> None:
        with databases.connect() as connection, connection.cursor() as cursor:
            holder = locks.name_holder(cursor, f"export {s3_bucket}")
            cursor.execute("select pg_terminate_backend(%s, 10000)", (holder,))

    # while files are staged, and while the manifest is written
    for request, followed in ((".staging/", versions[0]), ("manifest.json", versions[1])):
        with faulty_proxy(s3_server) as proxy, endpoint(proxy):
            proxy.interrupt("PUT", request, end_lock)
            with pytest.raises(TickmartError, match=f"the lock of this export to {s3_bucket} is gone: "):
                export(exporter, ["NIFTY"], None, None, s3_bucket, verify=False)
            copied = [one for one in proxy.requests if one.startswith("PUT") and "staging" not in one]

        assert [one for one in copied if "manifest.json" not in one] == []
        assert read_published(s3_bucket)[1] == followed

    run(exporter, s3_bucket)

    assert READERS[exporter].minute_bars(s3_bucket) == mart_minute_bars(marts)
    assert differing(open_store(s3_bucket)) == []


def test_a_file_that_differs_from_the_mart_is_found(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    change(marts, f"update marts.options_ticks set low = 1.05 where contract_id = {PUT} and close = 80.05")

    with databases.connect() as connection, pytest.raises(TickmartError, match=f"{SYMBOLS[PUT]}.*low.*1.05"):
        verify(exporter, connection, tmp_path)


def test_a_file_without_rows_in_the_mart_is_found(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    for table in ("futures_ticks", "futures_hourly", "futures_daily"):
        change(marts, f"delete from marts.{table}")

    with databases.connect() as connection, pytest.raises(TickmartError, match="NIFTY_250424_FUT"):
        verify(exporter, connection, tmp_path)


@pytest.mark.transport
def test_an_export_killed_anywhere_is_completed_by_the_next(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    run(exporter, disturbed)
    old = read_published(disturbed)[1]
    change(
        marts, "update marts.options_ticks set volume = volume + 75, close = close + 0.05, high = high + 0.05"
    )
    run(exporter, undisturbed)
    new = read_published(undisturbed)[1]
    command = [sys.executable, "-m", "tickmart", "export", exporter, "--to", str(disturbed), "--no-verify"]
    committed = (disturbed / "manifest.json").read_bytes()
    sights: list[Callable[[], bool]] = [
        lambda: len(list((disturbed / ".staging").iterdir())) > 1,
        lambda: (disturbed / "manifest.json").read_bytes() != committed,
    ]
    ended_by: list[int] = []
    for sight in sights:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None and not sight():
            time.sleep(0.0005)
        process.kill()
        ended_by.append(process.wait())

        assert read_published(disturbed)[1] in (old, new)

    assert -signal.SIGKILL in ended_by
    run(exporter, disturbed)

    assert contents(disturbed) == contents(undisturbed) == new


@pytest.mark.transport
def test_an_export_that_s3_stops_is_one_line_and_the_next_is_whole(
    exporter: str, marts: psycopg2.extensions.connection, s3_server: str, s3_bucket: str
) -> None:
    before, after = f"{s3_bucket}/before", f"{s3_bucket}/after"
    run(exporter, after)
    old = read_published(after)[1]
    change(marts, "update marts.options_ticks set volume = volume + 75")
    run(exporter, before)
    new = read_published(before)[1]

    def stopped_at(request: int) -> str | None:
        proxy.arm("drop", request, last=10_000)
        try:
            export(exporter, ["NIFTY"], None, None, after, verify=False)
        except TickmartError as error:
            return str(error)
        finally:
            proxy.arm()
        return None

    with faulty_proxy(s3_server) as proxy, endpoint(proxy):
        for request in itertools.count(1, 7):
            message = stopped_at(request)
            if message is None:
                break
            assert len(message.splitlines()) == 1
            assert read_published(after)[1] in (old, new)

    assert request > 20
    assert read_published(after)[1] == new
    assert READERS[exporter].minute_bars(after) == mart_minute_bars(marts)


def test_staged_files_are_no_files_to_the_framework(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path, s3_bucket: str
) -> None:
    for destination in (str(tmp_path), s3_bucket):
        run(exporter, destination)
        store = open_store(destination)
        manifest, files = read_published(store)
        # every listed file once more, as an export that stopped leaves it
        for path, data in files.items():
            staged = f".staging/20250328T101500Z-1f00c0de/{manifest.files[path].sha256}"
            store.write(staged, data, manifest.files[path].sha256)

        assert READERS[exporter].minute_bars(destination) == mart_minute_bars(marts)
        if exporter == "nautilus":
            instruments = {*SYMBOLS.values(), "NIFTY"}
            assert {item.symbol.value for item in open_catalog(store).instruments()} == instruments
            for generation in store.children(".staging"):
                store.clear(f".staging/{generation}")
            assert {item.symbol.value for item in open_catalog(store).instruments()} == instruments


def test_the_manifest_says_what_was_written_from_what(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    about = manifest["exporters"][exporter]
    assert {"tickmart", "git", "dbt"} <= set(about["written_by"])
    assert about["catalog_format"] == EXPORTERS[exporter].catalog_format
    assert about["covered"]["NIFTY"][partition(exporter, MARCH)]["first"] == "2025-03-28"
    assert about["covered"]["NIFTY"][partition(exporter, APRIL)]["last"] == "2025-04-01"
    assert all(len(file["sha256"]) == 64 and file["bytes"] > 0 for file in manifest["files"])


def test_another_load_gives_the_data_another_version(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    def version() -> dict[str, str]:
        about = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]
        return {key: held["data_version"] for key, held in about["covered"]["NIFTY"].items()}

    run(exporter, tmp_path)
    before = version()
    change(marts, f"update marts.options_ticks set load_id = 99, volume = 1 where session_date = '{APRIL}'")

    run(exporter, tmp_path)

    march, april = partition(exporter, MARCH), partition(exporter, APRIL)
    assert version()[april] != before[april]
    assert march == april or version()[march] == before[march]


def test_another_load_of_daily_rows_gives_the_data_another_version(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    def version() -> dict[str, str]:
        about = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]
        return {key: held["data_version"] for key, held in about["covered"]["NIFTY"].items()}

    run(exporter, tmp_path)
    before = version()
    change(marts, "insert into audit.built_loads values ('int_fo_bhavcopy__deduped', 12)")
    change(
        marts, f"insert into intermediate.int_loads__slices values (12, 'option', 'NSE', 'NIFTY', '{APRIL}')"
    )

    run(exporter, tmp_path)

    march, april = partition(exporter, MARCH), partition(exporter, APRIL)
    assert version()[april] != before[april]
    assert march == april or version()[march] == before[march]


def test_a_range_wider_than_the_data_is_what_the_data_have(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    report = run(exporter, tmp_path, date.min, date.max)

    assert (report.first.year, report.last.year) == (2025, 2025)
    covered = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]["covered"]["NIFTY"]
    assert set(covered) == {
        EXPORTERS[exporter].partition(series, "NIFTY", day)
        for series in EXPORTERS[exporter].series
        for day in (MARCH, APRIL)
    }


def test_prices_finer_than_usual_are_kept(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    change(
        marts, f"update marts.spot_prices set close = 22510.3575 where session_date = '{MARCH}' and line = 2"
    )

    report = run(exporter, tmp_path)

    assert report.rows_verified == report.rows
    if exporter == "nautilus":
        closes = {row[5] for row in READERS[exporter].minute_bars(str(tmp_path)) if row[0] == "NIFTY"}
        assert Decimal("22510.3575") in closes


def test_a_series_that_the_format_does_not_take_is_refused_by_name(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    taken = ", ".join(sorted(EXPORTERS[exporter].series))
    for wanted in set(Series) - set(EXPORTERS[exporter].series):
        with pytest.raises(TickmartError, match=f"^{exporter} takes no {wanted}; {exporter} takes {taken}$"):
            export(exporter, ["NIFTY"], None, None, str(tmp_path), series=["1-minute-bars", wanted])
    with pytest.raises(TickmartError, match=f"^there is no series ticks; {exporter} takes {taken}$"):
        export(exporter, ["NIFTY"], None, None, str(tmp_path), series=["ticks"])

    assert contents(tmp_path) == {}


def test_a_destination_keeps_the_series_that_it_was_begun_with(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    export(exporter, ["NIFTY"], MARCH, MARCH, str(tmp_path), series=["1-minute-bars"])
    run(exporter, tmp_path)

    assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)
    manifest = read_manifest(open_store(tmp_path))
    assert manifest is not None
    bars = len(mart_minute_bars(marts))
    assert sum(file.rows for file in manifest.files.values() if file.partition is not None) == bars
    if len(EXPORTERS[exporter].series) > 1:
        with pytest.raises(TickmartError, match=f"holds 1-minute-bars of {exporter}, and .* would leave"):
            export(exporter, ["NIFTY"], None, None, str(tmp_path), series=EXPORTERS[exporter].series)


def test_files_divided_otherwise_than_before_take_the_place_of_the_old_ones(
    exporter: str,
    marts: psycopg2.extensions.connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if exporter not in PLAIN:
        pytest.skip("its files have no names for other partitions")
    run(exporter, tmp_path)
    monkeypatch.setattr(type(EXPORTERS[exporter]), "partition", staticmethod(by_month))

    report = run(exporter, tmp_path, APRIL, APRIL)

    assert report.rows_verified == report.rows
    assert READERS[exporter].minute_bars(str(tmp_path)) == mart_minute_bars(marts)
    manifest = read_manifest(open_store(tmp_path))
    assert manifest is not None
    assert {file.partition for file in manifest.files.values()} == {"2025-03", "2025-04"}
    assert set(contents(tmp_path)) == set(manifest.files)


@pytest.mark.parametrize("archive", sorted(OLDER.glob("*.tar.xz")), ids=lambda path: path.stem)
def test_a_destination_of_an_earlier_version_is_continued_without_writing_a_file_anew(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path, archive: Path
) -> None:
    if exporter in PLAIN:
        pytest.skip("earlier versions had no such format")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    destination = tmp_path / exporter
    before, files = read_manifest(open_store(destination)), contents(destination)
    assert before is not None

    part = run(exporter, destination, APRIL, APRIL)
    report = run(exporter, destination)

    after = read_manifest(open_store(destination))
    assert after is not None
    assert contents(destination).keys() == files.keys()
    if _written_by_this_library(destination):
        # the module that opens the files is of this version from then on
        own = {FEEDS_FILE} if files.get(FEEDS_FILE) not in (None, FEEDS.encode()) else set()
        assert (part.outcome.written, part.outcome.removed) == (len(own), 0)
        assert (report.outcome.written, report.outcome.removed) == (0, 0)
        assert without(own, contents(destination)) == without(own, files)
        assert without(own, after.files) == without(own, before.files)
    assert after.exporters[exporter]["covered"] == before.exporters[exporter]["covered"]


def without[T](paths: set[str], files: Mapping[str, T]) -> dict[str, T]:
    return {path: file for path, file in files.items() if path not in paths}


def _written_by_this_library(destination: Path) -> bool:
    """Whether Parquet files there have the bytes that the installed version would give them."""
    written = {pq.read_metadata(path).created_by for path in destination.rglob("*.parquet")}
    return written <= {f"parquet-cpp-arrow version {pa.cpp_version}"}


def test_a_manifest_of_months_is_what_earlier_versions_read(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    fields = ["path", "bytes", "sha256", "rows", "exporter", "underlying", "month", "instrument", "volume"]
    if exporter in PLAIN:
        assert manifest["manifest_version"] == 3
        assert all([*fields, "partition"] == list(file) for file in manifest["files"])
        assert {file["month"] for file in manifest["files"]} == {None}
    else:
        assert manifest["manifest_version"] == 2
        assert all(fields == list(file) for file in manifest["files"])
        assert {file["month"] for file in manifest["files"]} == {"2025-03", "2025-04", None}


def verify(exporter: str, connection: psycopg2.extensions.connection, folder: Path) -> None:
    chosen = EXPORTERS[exporter]
    slices, _ = plan_slices({"NIFTY": (MARCH, APRIL)}, Manifest(), chosen, chosen.series, None, None)
    chosen.verify(connection, slices, open_store(folder), lambda stage, rows: None)
