"""Snapshots of the option chain through whole builds: what counts, and what a later file changes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import (
    build,
    changed_tables,
    dbt,
    marts,
    named_by_the_environment,
    query,
    row_changes,
    tickmart,
)
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

CHAIN = PROJECT_FOLDER / "tests/fixtures/nse-option-chain"
HEADER, *LINES = (CHAIN / "captured.csv").read_text().splitlines()
UDIFF = (PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy/udiff_20240708.csv").read_text().splitlines()[0]
SNAPSHOTS = "nse-option-chain"
# Nobody but the bhavcopy knows the lot of a share: no rule has it.
SHARE = (
    "2025-08-05 {time},RELIANCE,28-Aug-2025,CE,1400,12,-2,0,30,18.5,21,1,5,5000,4500,500,20.9,1000,21.1,1391"
)
BHAVCOPY = (
    "2025-08-05,2025-08-05,FO,NSE,STO,101,,RELIANCE,,2025-08-28,2025-08-28,1400.00,CE,RELIANCE25AUG1400CE,"
    "20.00,22.00,19.00,21.00,21.00,20.00,1390.00,21.00,6000,-1000,30,710500000.00,9,F1,500,,,,,"
)
UNITS = (
    "select lot_size, volume, open_interest, change_in_open_interest from marts.option_snapshots"
    " where underlying = 'RELIANCE' order by timestamp"
)


@pytest.fixture
def folder(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    with named_by_the_environment(fresh_built_database):
        yield tmp_path


def test_snapshots_are_built_once_and_follow_their_files(folder: Path) -> None:
    captured, answer = (Path(shutil.copy(CHAIN / name, folder)) for name in ("captured.csv", "api.json"))
    tickmart("load", SNAPSHOTS, captured, answer)
    build()

    assert query(
        "select underlying, session_date::text, count(*), count(vendor_implied_volatility), count(bid),"
        " count(ask), count(last_price), count(open_interest), min(lot_size), max(lot_size)"
        " from marts.option_snapshots group by 1, 2 order by 2, 1"
    ) == [
        ("BANKNIFTY", "2022-12-23", 28, 23, 28, 27, 24, 28, 25, 25),
        ("NIFTY", "2022-12-23", 88, 57, 86, 70, 60, 88, 50, 50),
        ("NIFTY", "2026-01-12", 6, 4, 5, 5, 4, 6, 65, 65),
    ]
    # nobody offers, nothing has traded; 106.92… lots of 65 are 6950 units
    assert query(
        "select (timestamp at time zone 'Asia/Kolkata')::text, bid::text, bid_size, ask, ask_size,"
        " last_price, volume, open_interest, vendor_implied_volatility, line"
        " from marts.option_snapshots where symbol = 'NIFTY_260630_20000_PE'"
    ) == [("2026-01-12 11:04:37", "20.3", 1275, None, None, None, 0, 6950, None, 6)]
    assert query("select count(*) from intermediate.int_quotes__set_aside") == [(0,)]
    before, held = row_changes(), marts()

    again = json.loads(tickmart("load", SNAPSHOTS, "--json", captured, answer).stdout)
    outcome = build()

    assert {file["status"] for file in again} == {"already loaded"}
    assert outcome["rebuilt"] == []
    assert changed_tables(before, row_changes()) == set()
    assert marts() == held
    listed = tickmart("list").stdout
    assert (
        "NIFTY\tNSE\toption\tSNAPSHOT\t2022-12-23\t2026-01-12\t94\t94\tnse-option-chain\toption_snapshots"
        in listed
    )

    # one row fewer, and a bhavcopy of a day without snapshots
    captured.write_text("\n".join([HEADER, *LINES[1:]]) + "\n")
    restated = landed(SNAPSHOTS, captured)
    tickmart("load", "nse-bhavcopy", PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy/udiff_20240708.csv")
    rebuilt = build()["rebuilt"]

    of_that_day = "2 slice(s): BANKNIFTY option 2022-12-23, NIFTY option 2022-12-23"
    assert [note for note in rebuilt if "snapshots" in note] == [
        f"int_options__snapshots_deduped rebuilds {of_that_day}",
        f"int_options__snapshots_daily rebuilds {of_that_day}",
    ]
    in_all = len(LINES) - 1 + 6
    assert query("select count(*) from marts.option_snapshots") == [(in_all,)]
    assert query("select sum(snapshots) from intermediate.int_options__snapshots_daily") == [(in_all,)]

    tickmart("unload", str(restated))
    build()
    assert marts()["marts.option_snapshots"] == held["marts.option_snapshots"]

    models = ("int_options__snapshots_deduped", "int_options__snapshots_daily")
    dbt("run", "--full-refresh", "--select", *models)
    assert marts()["marts.option_snapshots"] == held["marts.option_snapshots"]
    assert query("select sum(snapshots) from intermediate.int_options__snapshots_daily") == [(in_all + 1,)]


def test_rows_that_may_not_count_say_so_and_none_is_lost(folder: Path) -> None:
    good = LINES[0]
    moment, rest = good.split(",", 1)
    path = folder / "awkward.csv"
    rows = [
        good,
        good,  # again
        f"{moment},{rest.replace(',201.08,', ',208.00,')}",  # the last word on that moment
        f"2022-12-23 09:14:59.9,{rest}",
        f"2022-12-23 15:30:00,{rest}",
        f"2022-12-23 15:30:02,{rest}",
        f"2022-12-24 12:00:00,{rest}",
        f"2023-01-02 12:00:00,{rest}",
        f"{moment},{rest.replace('29-Dec-2022', '29-02-2023')}",
        f"{moment},{rest.replace(',PE,', ',XX,')}",
        f"{moment},{rest.replace('NIFTY,', ',')}",
        f"soon,{rest}",
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    tickmart("load", SNAPSHOTS, path)
    build()
    dbt("test", "--select", "no_landed_row_is_lost", "no_bar_lies_outside_its_session")

    assert query("select line, reason from marts.quarantine order by line") == [
        (5, "outside the session"),
        (7, "outside the session"),
        (8, "no session on this date"),
        (9, "after the expiry of the contract"),
        (10, "impossible expiry date: 29-02-2023"),
        (11, "option that is neither CE nor PE"),
        (12, "underlying is missing"),
        (13, "impossible date or time"),
    ]
    assert query("select line, reason, winner_line from marts.superseded_rows order by line") == [
        (2, "conflict: a later line of the same file has other values", 4),
        (3, "conflict: a later line of the same file has other values", 4),
    ]
    assert query("select line from marts.option_snapshots order by timestamp") == [(4,), (6,)]

    found = traced("2022-12-23T14:40")
    assert found["rows"][0]["row"]["line"] == 4
    assert found["rows"][0]["origins"][0]["lines"] == [{"line": 4, "text": rows[2], "text_from": "the file"}]
    assert [row["line"] for row in found["set_aside"]] == [2, 3]
    failed = tickmart(
        "trace", symbol(), "2022-12-23T09:14:59.95", "--mart", "option_snapshots", status=1
    ).stderr
    assert "was quarantined: outside the session." in failed
    assert "Nearest: 2022-12-23 14:34:00" in failed


def test_the_bhavcopy_of_the_day_brings_the_lot_to_snapshots_that_came_before_it(folder: Path) -> None:
    chain, bhavcopy = folder / "chain.csv", folder / "bhavcopy.csv"
    chain.write_text("\n".join([HEADER, SHARE.format(time="10:00:00"), SHARE.format(time="10:01:00")]) + "\n")
    tickmart("load", SNAPSHOTS, chain)
    build()
    assert query(UNITS) == [(None, None, None, None)] * 2

    bhavcopy.write_text("\n".join([UDIFF, BHAVCOPY]) + "\n")
    load = landed("nse-bhavcopy", bhavcopy)
    outcome = build()
    assert query(UNITS) == [(500, 15000, 6000, -1000)] * 2
    assert (
        "int_options__snapshots_deduped rebuilds 1 slice(s): RELIANCE option 2025-08-05" in outcome["rebuilt"]
    )
    # the contract of the chain is that of the exchange's file
    assert query("select count(distinct contract_id) from intermediate.int_contracts__registered") == [(1,)]

    tickmart("unload", str(load))
    build()
    assert query(UNITS) == [(None, None, None, None)] * 2


def landed(source: str, path: Path) -> int:
    tickmart("load", source, path)
    [(load_id,)] = query("select max(load_id) from audit.loads")
    return int(load_id)


def symbol() -> str:
    [(name,)] = query("select distinct symbol from marts.option_snapshots")
    return str(name)


def traced(moment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        tickmart("trace", symbol(), moment, "--mart", "option_snapshots", "--json").stdout
    )
    return found
