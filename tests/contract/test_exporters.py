"""What every exporter promises. A new exporter needs an entry in the registry and a reader, no new test."""

import itertools
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import mart_tables
import psycopg2.extensions
import pytest
from faulty_s3 import endpoint, faulty_proxy
from mart_tables import APRIL, CALL, MARCH, PUT, SYMBOLS
from publications import differing, read_published
from readers import READERS, mart_minute_bars
from sqlalchemy import URL

from exporters.nautilus import open_catalog
from exporters.publish import open_store, read_manifest
from exporters.registry import EXPORTERS, ExportReport, export, load_exporter
from warehouse import database as databases
from warehouse.database import locks
from warehouse.errors import TickmartError
from warehouse.settings import settings

pytest_plugins = ["s3_server"]
pytestmark = pytest.mark.parametrize("exporter", EXPORTERS)


@pytest.fixture
def marts(fresh_database: URL) -> Iterator[psycopg2.extensions.connection]:
    with databases.connect() as connection:
        mart_tables.create(connection)
        mart_tables.fill(connection)
        yield connection


def run(
    exporter: str, destination: str | Path, first: date | None = None, last: date | None = None
) -> ExportReport:
    return export(exporter, ["NIFTY"], first, last, str(destination))


def change(connection: psycopg2.extensions.connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.commit()


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


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_changed_bar_replaces_the_files_of_its_contract_and_month_alone(
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
    assert all(SYMBOLS[CALL] in path and after.files[path].month == "2025-04" for path in changed)
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


def test_a_month_that_is_not_asked_for_stays(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    change(marts, f"update marts.futures_ticks set volume = volume + 1 where session_date = '{MARCH}'")
    before = contents(tmp_path)

    run(exporter, tmp_path, APRIL, APRIL)

    assert contents(tmp_path) == before


def test_months_exported_one_after_the_other_equal_one_export(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path / "apart", MARCH, MARCH)
    run(exporter, tmp_path / "apart", APRIL, APRIL)
    run(exporter, tmp_path / "whole")

    assert contents(tmp_path / "apart") == contents(tmp_path / "whole")
    assert READERS[exporter].minute_bars(str(tmp_path / "apart")) == mart_minute_bars(marts)


def test_a_day_added_to_an_exported_month_keeps_the_days_before(
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


def test_a_missing_bucket_is_named(
    exporter: str,
    marts: psycopg2.extensions.connection,
    s3_server: str,
) -> None:
    with pytest.raises(TickmartError, match="there is no bucket nobody-made-this"):
        run(exporter, "s3://nobody-made-this/catalog")


def test_a_second_export_at_the_same_time_is_refused(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    with open_store(tmp_path).lock(), pytest.raises(TickmartError, match="another export is writing"):
        run(exporter, tmp_path)


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


def test_who_may_not_lock_a_bucket_exports_to_a_folder_alone(
    exporter: str,
    marts: psycopg2.extensions.connection,
    fresh_database: URL,
    tmp_path: Path,
    s3_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"tickmart_test_{secrets.token_hex(4)}"
    change(marts, f"create user {name} password 'pass' in role pg_read_all_data")
    address = fresh_database.set(username=name, password="pass")
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

    # while files are put aside, and while the manifest is written
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
        load_exporter(exporter).verify(connection, _slices(), open_store(tmp_path), lambda stage, rows: None)


def test_a_file_without_rows_in_the_mart_is_found(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    run(exporter, tmp_path)
    for table in ("futures_ticks", "futures_hourly", "futures_daily"):
        change(marts, f"delete from marts.{table}")

    with databases.connect() as connection, pytest.raises(TickmartError, match="NIFTY_250424_FUT"):
        load_exporter(exporter).verify(connection, _slices(), open_store(tmp_path), lambda stage, rows: None)


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
    assert about["catalog_format"] == load_exporter(exporter).catalog_format
    assert about["covered"]["NIFTY"]["2025-03"]["first"] == "2025-03-28"
    assert about["covered"]["NIFTY"]["2025-04"]["last"] == "2025-04-01"
    assert all(len(file["sha256"]) == 64 and file["bytes"] > 0 for file in manifest["files"])


def test_another_load_gives_the_data_another_version(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    def version() -> dict[str, str]:
        about = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]
        return {month: held["data_version"] for month, held in about["covered"]["NIFTY"].items()}

    run(exporter, tmp_path)
    before = version()
    change(marts, f"update marts.options_ticks set load_id = 99, volume = 1 where session_date = '{APRIL}'")

    run(exporter, tmp_path)

    assert version()["2025-03"] == before["2025-03"]
    assert version()["2025-04"] != before["2025-04"]


def test_another_load_of_daily_rows_gives_the_data_another_version(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    def version() -> dict[str, str]:
        about = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]
        return {month: held["data_version"] for month, held in about["covered"]["NIFTY"].items()}

    run(exporter, tmp_path)
    before = version()
    change(marts, "insert into audit.built_loads values ('int_fo_bhavcopy__deduped', 12)")
    change(marts, f"insert into intermediate.int_loads__slices values (12, 'option', 'NIFTY', '{APRIL}')")

    run(exporter, tmp_path)

    assert version()["2025-03"] == before["2025-03"]
    assert version()["2025-04"] != before["2025-04"]


def test_a_range_wider_than_the_data_is_what_the_data_have(
    exporter: str, marts: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    report = run(exporter, tmp_path, date.min, date.max)

    assert (report.first, report.last) == (date(2025, 3, 1), date(2025, 4, 30))
    covered = json.loads((tmp_path / "manifest.json").read_text())["exporters"][exporter]["covered"]["NIFTY"]
    assert set(covered) == {"2025-03", "2025-04"}


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


def _slices() -> list:  # type: ignore[type-arg]
    from exporters.publish import Month
    from exporters.registry import Slice

    return [
        Slice("NIFTY", Month(2025, 3), MARCH, date(2025, 3, 31)),
        Slice("NIFTY", Month(2025, 4), APRIL, APRIL),
    ]
