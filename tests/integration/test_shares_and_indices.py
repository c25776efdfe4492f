"""Cash bhavcopies and index closes through whole builds: what counts, what is traced, what a file changes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import (
    build,
    change,
    copied_project,
    dbt,
    named_by_the_environment,
    query,
    tickmart,
)
from sqlalchemy import URL

from loaders.loaded_files import LoadedFiles
from warehouse.database import connect
from warehouse.errors import TickmartError
from warehouse.lineage import find_subject, parse_time, trace
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
INDEX_HEADER = (FIXTURES / "nse-index/closes.csv").read_text().splitlines()[0]
CASH_HEADER = (FIXTURES / "nse-cash/full.csv").read_text().splitlines()[0]
SHARE = (
    "select isin, close::text, delivered_volume, load_id from intermediate.int_equities__official_deduped"
    " where symbol = 'STOCKAA'"
)
INSTRUMENT = (
    "select instrument_id, instrument_type, exchange, mic, series, isin, currency, price_precision,"
    " size_precision, contract_multiplier::int, first_session::text, last_session::text"
    " from marts.instruments where symbol = 'STOCKAA'"
)


@pytest.fixture
def folder(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    for name in ("full", "udiff"):
        shutil.copy(FIXTURES / f"nse-cash/{name}.csv", tmp_path / f"{name}.csv")
    with named_by_the_environment(fresh_built_database):
        yield tmp_path


def test_a_day_of_shares_in_two_layouts_is_one_row_each_with_what_either_says(folder: Path) -> None:
    full = landed("nse-cash", folder / "full.csv")
    udiff = landed("nse-cash", folder / "udiff.csv")
    build()

    assert query(SHARE) == [("INE000A01018", "662.35", 23156, udiff)]
    assert query("select count(*) from marts.equity_daily") == [(40,)]
    found = json.loads(tickmart("trace", "STOCKAA", "2025-08-01", "--json").stdout)
    (row,) = found["rows"]
    assert found["mart"] == "equity_daily"
    assert row["origins"][0]["lines"] == [
        {"line": 2, "text": (folder / "udiff.csv").read_text().splitlines()[1], "text_from": "the file"}
    ]
    assert [(lost["reason"], lost["load_id"], lost["line"]) for lost in found["set_aside"]] == [
        ("same row delivered by another file", full, 2)
    ]
    assert (
        "NSE\tNSE\tequity\t1-DAY\t2025-08-01\t2025-08-01\t40\t40\tnse-cash\tequity_daily"
        in tickmart("list").stdout
    )
    assert json.loads(tickmart("coverage", "--instrument-type", "equity", "--json").stdout)["summary"] == [
        {
            "underlying": "NSE", "exchange": "NSE", "instrument_type": "equity", "interval": "1-DAY",
            "first_session": "2025-08-01",
            "last_session": "2025-08-01",
            "sessions": 1, "complete": 1, "gaps": 0, "missing": 0, "provisional": 0,
        }
    ]  # fmt: skip

    [instrument] = query(INSTRUMENT)
    assert instrument[1:] == (
        "equity", "NSE", "XNSE", "EQ", "INE000A01018", "INR", 2, 0, 1, "2025-08-01", "2025-08-01",
    )  # fmt: skip

    tickmart("unload", str(udiff))
    build()

    assert query(SHARE) == [(None, "662.35", 23156, full)]
    # the number is kept for good; the ISIN goes with the only file that had it
    without_isin = (*instrument[:5], None, *instrument[6:])
    assert query(INSTRUMENT) == [without_isin]
    build("--full-refresh", "--select", "int_instruments__registered")
    assert query(INSTRUMENT) == [without_isin]


def test_a_share_of_two_exchanges_is_traced_by_its_exchange(folder: Path) -> None:
    landed("nse-cash", folder / "udiff.csv")
    build()
    change(
        "insert into intermediate.int_equities__official_deduped"
        """ select (jsonb_populate_record(official, '{"exchange": "BSE", "close": 700}')).*"""
        " from intermediate.int_equities__official_deduped as official where symbol = 'STOCKAA'"
    )

    asked = tickmart("trace", "STOCKAA", "2025-08-01", status=1).stderr

    assert "STOCKAA is the name of several; say which: STOCKAA.BSE, STOCKAA.NSE" in asked
    for exchange, close in (("NSE", "662.35"), ("BSE", "700")):
        found = json.loads(tickmart("trace", f"STOCKAA.{exchange}", "2025-08-01", "--json").stdout)
        assert [row["row"]["close"] for row in found["rows"]] == [close]
    assert "there is no symbol" in tickmart("trace", "STOCKAA.MCX", "2025-08-01", status=1).stderr


def test_a_share_that_is_not_there_is_answered_with_what_is(folder: Path) -> None:
    landed("nse-cash", folder / "full.csv")
    build()

    with connect() as connection:
        with pytest.raises(TickmartError, match=r"no symbol STOCKZZ; the marts hold the shares of NSE"):
            find_subject(connection, "STOCKZZ")
        subject = find_subject(connection, "STOCKAA.NSE")
        with pytest.raises(TickmartError, match=r"no row of STOCKAA at 2025-08-04. Nearest: 2025-08-01"):
            trace(connection, subject, "day", "equity_daily", parse_time("2025-08-04"), LoadedFiles())


def test_a_row_of_a_share_that_may_not_count_says_so(folder: Path) -> None:
    header, first, *others = (folder / "full.csv").read_text().splitlines()
    (folder / "full.csv").write_text(
        "\n".join([header, first.replace("664.35", "600.35"), *others, others[0].replace("01-Aug", "02-Aug")])
        + "\n"
    )
    landed("nse-cash", folder / "full.csv")
    build()

    # 2 August 2025 was a Saturday
    assert query("select symbol, line, reason from marts.quarantine order by line") == [
        ("STOCKAA EQ", 2, "high below low"),
        ("STOCKAB EQ", 42, "no session on this date"),
    ]
    failed = tickmart("trace", "STOCKAB", "2025-08-02", status=1)
    assert "was quarantined: no session on this date." in failed.stderr


def test_the_file_of_indices_gives_old_bhavcopies_the_price_of_their_underlying(folder: Path) -> None:
    # without the contracts that expire, whose settlement price is the index itself
    legacy = (FIXTURES / "nse-bhavcopy/legacy_20230125.csv").read_text().splitlines()
    running = folder / "fo25JAN2023bhav.csv"
    running.write_text("\n".join(line for line in legacy if ",25-Jan-2023," not in line) + "\n")
    landed("nse-bhavcopy", running)
    landed("nse-bhavcopy", FIXTURES / "nse-bhavcopy/udiff_20240425.csv")
    build()
    without = statuses("2023-01-25")
    assert "no_underlying" in without
    assert "ok" not in without
    versions = dict(
        query("select session_date::text || underlying, inputs_version from enrichment.greeks_slices")
    )

    closes = folder / "closes.csv"
    closes.write_text(
        f"{INDEX_HEADER}\n"
        "Nifty 50,25-01-2023,18093.35,18100.60,17846.15,17891.95,-226.35,-1.25,3500,250.00,21.0,4.2,1.3\n"
        "Nifty 50,25-04-2024,22316.90,22625.95,22305.25,22570.35,167.95,.75,450000000,35000.00,22.5,4.0,1.2\n"
    )
    load = landed("nse-index", closes)
    build()

    assert query(
        "select symbol, source, is_preferred, open::text, close::text from marts.spot_daily"
        " where symbol = 'NIFTY' and session_date = '2023-01-25'"
    ) == [("NIFTY", "official", True, "18093.35", "17891.95")]
    assert query(
        "select distinct underlying_price::text from marts.options_daily"
        " where session_date = '2023-01-25' and underlying = 'NIFTY'"
    ) == [("17891.95",)]
    assert "ok" in statuses("2023-01-25")
    # the newer layout states its own price: its Greeks stay as they were
    changed = {
        key
        for key, version in query(
            "select session_date::text || underlying, inputs_version from enrichment.greeks_slices"
        )
        if versions.get(key) != version
    }
    assert changed == {"2023-01-25NIFTY"}

    tickmart("unload", str(load))
    build()

    assert statuses("2023-01-25") == without


def test_own_corporate_actions_change_the_adjusted_view_and_nothing_else(folder: Path) -> None:
    rows = [
        f"STOCKAA, EQ, {day}, {close}, {close}, {close}, {close}, {close}, {close}, {close}, 10, 1, 1, 5, 50"
        for day, close in (("30-Jul-2025", 80), ("31-Jul-2025", 100), ("01-Aug-2025", 48))
    ]
    three = folder / "three.csv"
    three.write_text("\n".join([CASH_HEADER, *rows]) + "\n")
    landed("nse-cash", three)
    build()
    raw = query("select session_date, close, volume from marts.equity_daily order by 1")
    adjusted = (
        "select close::text, total_return_close::text, volume::text"
        " from marts.equity_daily_adjusted order by session_date"
    )
    assert query(adjusted) == [("80", "80", "10"), ("100", "100", "10"), ("48", "48", "10")]

    project = copied_project(folder)
    (project / "seeds/own/actions.csv").write_text(
        "exchange,symbol,ex_date,kind,shares_before,shares_after,amount,source\n"
        "NSE,STOCKAA,2025-08-01,bonus,1,2,,made for this test\n"
        "NSE,STOCKAA,2025-08-01,dividend,,,4,made for this test\n"
        "NSE,STOCKAA,2025-07-31,dividend,,,8,made for this test\n"
    )
    build_actions(project)

    # 100 before the bonus and 4 rupees: 50, and 96 parts in 100 of that; 80 before 8 rupees: 90 parts in 100
    assert query(adjusted) == [("40", "34.56", "20"), ("50", "48", "20"), ("48", "48", "10")]
    assert query("select session_date, close, volume from marts.equity_daily order by 1") == raw

    # the same columns, with a fraction of a rupee: what was an integer no longer is
    (project / "seeds/own/actions.csv").write_text(
        "exchange,symbol,ex_date,kind,shares_before,shares_after,amount,source\n"
        "NSE,STOCKAA,2025-08-01,dividend,,,2.50,made for this test\n"
    )
    build_actions(project)
    assert query(adjusted) == [("80", "78", "10"), ("100", "97.5", "10"), ("48", "48", "10")]

    failed = tickmart("build", "--no-tests", status=1, TICKMART_EQUITY_CORPORATE_ACTIONS="others")
    assert failed.stderr.startswith(
        "error: TICKMART_EQUITY_CORPORATE_ACTIONS names others, but there is no others.csv"
    )


def landed(source: str, path: Path) -> int:
    tickmart("load", source, path)
    [(load_id,)] = query("select max(load_id) from audit.loads")
    return int(load_id)


def statuses(day: str) -> list[str]:
    found: list[tuple[Any, ...]] = query(
        "select distinct greeks_status from marts.options_daily"
        " where session_date = %s and underlying = 'NIFTY' order by 1",
        day,
    )
    return [str(status) for (status,) in found]


def build_actions(project: Path) -> None:
    dbt(
        "build", "--select", "actions", "int_equities__corporate_actions+",
        "--exclude-resource-type", "unit_test", "--project-dir", project,
        TICKMART_EQUITY_CORPORATE_ACTIONS="actions",
    )  # fmt: skip
