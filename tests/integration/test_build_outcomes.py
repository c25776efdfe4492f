"""What `tickmart build` says of the loads that it took in, and how old it says they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import dbt, query, tickmart
from sqlalchemy import URL

from warehouse.database import connect

pytestmark = pytest.mark.slow

HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"
CALL = "NIFTY13MAR2522500CE.NFO"
EARLIER = (
    f"{CALL},12/03/2025,09:15:59,100,101,99,100.5,75,1000",
    f"{CALL},12/03/2025,09:16:59,101,103,100,102,150,1075",
)
LATER = (
    EARLIER[0],  # delivered by the earlier file too
    f"{CALL},12/03/2025,09:16:59,101,103,100,102,150,1075",  # the next but one says otherwise
    f"{CALL},12/03/2025,09:17:59,102,102,101,101.5,75,1150",
    f"{CALL},12/03/2025,09:17:59,102,102,101,101.5,75,1150",  # the same row again
    f"{CALL},12/03/2025,09:16:59,101,105,100,104,225,1075",
    f"{CALL},12/03/2025,09:18:59,-5,104,-5,103.5,225,1150",  # no price is negative
    f"{CALL},12/03/2025,09:19",  # cut
    f"{CALL},16/03/2025,09:15:59,100,101,99,100.5,75,1000",  # a Sunday
)
BEFORE_THE_CALENDAR = (
    "NIFTY28JAN167500CE.NFO,12/01/1999,09:15:59,100,101,99,100.5,75,1000",
    "NIFTY28JAN167500CE.NFO,12/01/1999,09:16:59,100,101,99,100.5,75,1000",
)


# The models that report on loads, and those that they are built from.
BUILD = (
    "build",
    "--no-tests",
    "--no-greeks",
    "--select",
    "+load_history +options_ticks +quarantine +superseded_rows data_freshness",
)


@pytest.fixture(scope="module")
def builds(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What builds said: of a clean file, of every kind of row, and of nothing."""
    folder = tmp_path_factory.mktemp("vendor")
    _load(folder / "earlier.csv", EARLIER)
    first = json.loads(tickmart(*BUILD, "--json").stdout)
    _load(folder / "later.csv", LATER)
    second = tickmart(*BUILD).stdout
    third = json.loads(tickmart(*BUILD, "--json").stdout)
    return {"clean": first, "mixed": second.splitlines(), "nothing": third}


def test_a_clean_file_is_all_new(builds: dict[str, Any]) -> None:
    assert builds["clean"]["sources"] == [
        {
            "source": "nse-minute",
            "loads": 1,
            "rows": 2,
            "new": 2,
            "duplicate": 0,
            "superseded": 0,
            "quarantined": 0,
            "rejected": 0,
            "reasons": [],
        }
    ]


def test_a_file_with_every_kind_of_row_is_told_by_kind_and_reason(builds: dict[str, Any]) -> None:
    (load_id,) = _ids("later.csv")

    told = builds["mixed"]
    start = told.index("source\tloads\tlanded\tnew\tduplicate\tsuperseded\tquarantined\trejected")
    assert told[start + 1 :] == [
        "nse-minute\t1\t7\t2\t2\t1\t2\t1",
        "nse-minute: 1 row duplicate: delivered before by another file",
        "nse-minute: 1 row duplicate: same row again in the same file",
        "nse-minute: 1 row superseded: conflict: a later line of the same file has other values",
        '  see: tickmart db psql -c "select uri, line, reason, row_text from marts.superseded_rows'
        f' where load_id = {load_id} or winner_load_id = {load_id}"',
        "nse-minute: 1 row quarantined: no session on this date",
        "nse-minute: 1 row quarantined: price is not above zero",
        '  see: tickmart db psql -c "select uri, line, reason, row_text from marts.quarantine'
        f' where load_id = {load_id}"',
        "nse-minute: 1 line rejected",
        f"  see: tickmart rejects {load_id}",
    ]


def test_new_are_the_rows_that_the_marts_show_of_the_load(builds: dict[str, Any]) -> None:
    (load_id,) = _ids("later.csv")

    # including the row that the earlier file had delivered
    assert query("select line from marts.options_ticks where load_id = %s order by line", load_id) == [
        (2,), (5,), (6,),
    ]  # fmt: skip
    assert query(
        "select rows_in_marts, rows_repeated from marts.load_history where load_id = %s", load_id
    ) == [(3, 1)]


def test_the_commands_that_it_names_show_the_rows(builds: dict[str, Any]) -> None:
    commands = [line.split('-c "')[1].rstrip('"') for line in builds["mixed"] if "db psql" in line]

    # of the earlier file too, whose rows have since been in no mart
    assert [
        sorted((uri.rsplit("/")[-1], line) for uri, line, *_ in query(command)) for command in commands
    ] == [
        [("earlier.csv", 2), ("earlier.csv", 3), ("later.csv", 3), ("later.csv", 4)],
        [("later.csv", 7), ("later.csv", 9)],
    ]


def test_a_build_with_nothing_new_tells_of_no_source(builds: dict[str, Any]) -> None:
    assert builds["nothing"]["sources"] == []


def test_every_load_adds_up(builds: dict[str, Any]) -> None:
    assert query(
        "select rows, rows_in_marts + rows_duplicate + rows_superseded + rows_quarantined,"
        " built_at is not null from marts.load_history order by load_id"
    ) == [(2, 2, True), (7, 7, True)]
    dbt("test", "--select", "no_landed_row_is_lost", TICKMART_TEST_WHOLE_TABLES="1")


def test_of_a_file_beyond_the_calendar_a_build_that_fails_says_that_nothing_came_in_and_why(
    builds: dict[str, Any], tmp_path: Path
) -> None:
    _load(tmp_path / "of-1999.csv", BEFORE_THE_CALENDAR)
    (load_id,) = _ids("of-1999.csv")

    # something else has that name, so the view cannot be made
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop view marts.data_freshness")
        cursor.execute("create sequence marts.data_freshness")
        connection.commit()
    failed = tickmart(*BUILD, status=1)

    assert "data_freshness" in failed.stderr
    assert failed.stdout.splitlines() == [
        "source\tloads\tlanded\tnew\tduplicate\tsuperseded\tquarantined\trejected",
        "nse-minute\t1\t2\t0\t0\t0\t2\t0",
        "nse-minute: 2 rows quarantined: no session on this date",
        '  see: tickmart db psql -c "select uri, line, reason, row_text from marts.quarantine'
        f' where load_id = {load_id}"',
    ]


def _load(path: Path, rows: tuple[str, ...]) -> None:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    tickmart("load", "nse-minute", path)


def _ids(name: str) -> list[int]:
    return [load_id for (load_id,) in query("select load_id from audit.loads where uri like %s", f"%/{name}")]
