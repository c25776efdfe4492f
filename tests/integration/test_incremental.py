"""Whole builds on a real server: what a second, a restated, an unloaded, a late or a killed one changes."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import (
    build,
    changed_tables,
    close_for_copying,
    copied_project,
    copy_of,
    dbt,
    marts,
    query,
    row_changes,
    tickmart,
)
from sqlalchemy import URL
from warm_python.interpreter import COLD

from sampledata.generate import write_sample
from warehouse.database import connect, locks
from warehouse.dbt import build_lock
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIRST_DAY = date(2025, 8, 11)
OPTIONS = "GFDLNFO_NIFTY_OPT_11082025.csv"
KILLS_SEED = 20250811
GREEKS = """(
    select tableoid, ctid, xmin, * from enrichment.option_greeks
    union all
    select tableoid, ctid, xmin, * from enrichment.option_greeks_coarse
) as greeks"""
OPTION_MODELS = {
    "int_options__quotes_deduped",
    "int_forwards__gathered_by_minute",
    "int_options__bars_hourly",
    "int_options__bars_daily",
    "int_bars__deduped",  # looks whether the session has bars of other lengths
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of NIFTY: three strikes of two expiries, three futures, the index, the bhavcopies."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, days=2, strikes=3, expiries=2, start=FIRST_DAY)
    return folder


@pytest.fixture(scope="module")
def built_once(built_database: URL, sample: Path) -> tuple[URL, dict[str, Any]]:
    """A built database that only copies are made of, and its marts."""
    tickmart("load", "nse-minute", sample / "nse-minute")
    tickmart("load", "nse-bhavcopy", sample / "nse-bhavcopy")
    build()  # its tests are run on a copy
    contents = marts()
    close_for_copying(built_database)
    return built_database, contents


@pytest.fixture
def undisturbed(built_once: tuple[URL, dict[str, Any]]) -> dict[str, Any]:
    """What the marts hold when nothing went wrong."""
    return built_once[1]


@pytest.fixture
def warehouse(built_once: tuple[URL, dict[str, Any]]) -> Iterator[URL]:
    """A copy of the built database, named by the environment."""
    url, _ = built_once
    with copy_of(url) as copy:
        yield copy


@pytest.fixture
def files(sample: Path, tmp_path: Path) -> Path:
    """A folder of this test's own with the same files; loaded files are known by their path."""
    return Path(shutil.copytree(sample, tmp_path / "files"))


@pytest.fixture(scope="module")
def plain() -> list[str]:
    """Options that plain dbt is given: its files go to where those of `tickmart build` go, already parsed."""
    target = PROJECT_FOLDER / os.environ["DBT_TARGET_PATH"]
    return ["--target-path", str(target), "--log-path", str(target / "logs")]


def option_bars() -> set[tuple[Any, ...]]:
    return set(query("select symbol, bar_start, close from marts.options_ticks"))


def slices(outcome: dict[str, Any]) -> dict[str, str]:
    """The slices that a build says it rebuilt, by model."""
    return {
        model: names
        for model, _, names in (
            (note.split(" ", 1)[0], *note.split(": ", 1)) for note in outcome["rebuilt"] if ": " in note
        )
    }


def test_a_second_load_and_a_second_build_write_nothing(
    warehouse: URL, sample: Path, undisturbed: dict[str, Any]
) -> None:
    before = row_changes()

    minutes = json.loads(tickmart("load", "nse-minute", "--json", sample / "nse-minute").stdout)
    days = json.loads(tickmart("load", "nse-bhavcopy", "--json", sample / "nse-bhavcopy").stdout)
    outcome = build()

    assert {file["status"] for file in minutes + days} == {"already loaded"}
    assert changed_tables(before, row_changes()) == set()
    assert outcome["rebuilt"] == []
    assert outcome["greeks"] == {}
    assert marts() == undisturbed


def test_plain_dbt_builds_tests_and_documents_and_writes_nothing(
    warehouse: URL, plain: list[str], tmp_path: Path
) -> None:
    before = row_changes()

    # the unit tests run with the commands of the README
    dbt("build", "--exclude-resource-type", "unit_test", *plain)
    dbt("source", "freshness", *plain)
    dbt("docs", "generate", "--no-compile", *plain)

    assert changed_tables(before, row_changes()) == set()
    catalog = json.loads((Path(plain[1]) / "catalog.json").read_text())
    assert "model.tickmart.options_ticks" in catalog["nodes"]


def test_the_project_uses_nothing_that_dbt_deprecates(database: URL, tmp_path: Path) -> None:
    dbt(
        "--warn-error-options", '{"error": ["Deprecations"]}', "parse", "--show-all-deprecations",
        "--no-partial-parse", "--target-path", tmp_path, "--log-path", tmp_path,
    )  # fmt: skip


def test_a_restated_file_rebuilds_only_its_slice_and_unloading_it_brings_the_earlier_back(
    warehouse: URL, sample: Path, undisturbed: dict[str, Any]
) -> None:
    path = sample / "nse-minute" / OPTIONS
    original = path.read_bytes()
    lines = original.decode().splitlines()
    before = option_bars()
    # a bar that changes (its high, low and close move to a price of its own), a row that vanishes, a new row
    ticker, day, stamp, _, _, _, _, volume, interest = lines[1].split(",")
    lines[1] = f"{ticker},{day},{stamp},1.05,1.05,1.05,1.05,{volume},{interest}"
    vanished = lines.pop(2)
    lines.append(f"NIFTY14AUG2540000CE.NFO,{day},09:15:59,0.05,0.05,0.05,0.05,75,75")
    untouched = query("select ctid::text, xmin::text from intermediate.int_options__quotes_deduped"
                      " where session_date > %s order by 1", FIRST_DAY)  # fmt: skip

    try:
        path.write_text("\n".join(lines) + "\n")
        (loaded,) = json.loads(tickmart("load", "nse-minute", "--json", path).stdout)
        outcome = build()
        after = option_bars()
        greeks_of_the_slice = query(
            f"select count(*) from {GREEKS}"
            " where session_date = %s and bar_interval <> 'day' and underlying = 'NIFTY'",
            FIRST_DAY,
        )
        tickmart("unload", str(loaded["load_id"]))
        second = build()
    finally:
        path.write_bytes(original)

    assert slices(outcome) == dict.fromkeys(OPTION_MODELS, f"NIFTY option {FIRST_DAY}")
    assert {(symbol, str(close)) for symbol, _, close in after - before} == {
        (_symbol(ticker), "1.05"),
        ("NIFTY_250814_40000_CE", "0.05"),
    }
    assert {symbol for symbol, _, _ in before - after} == {_symbol(ticker), _symbol(vanished.split(",")[0])}
    assert len(before - after) == 2
    assert greeks_of_the_slice == [(sum(outcome["greeks"].values()),)]
    assert slices(second) == slices(outcome)
    assert option_bars() == before
    assert untouched == query("select ctid::text, xmin::text from intermediate.int_options__quotes_deduped"
                              " where session_date > %s order by 1", FIRST_DAY)  # fmt: skip
    # a contract that was seen once keeps its number
    known_since = ("marts.load_history", "marts.options_metadata", "marts.instruments")
    assert _but(marts(), *known_since) == _but(undisturbed, *known_since)


def test_rows_of_two_files_stand_with_their_reason_and_go_with_their_file(
    warehouse: URL, sample: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    header, same, other, *_ = (sample / "nse-minute" / OPTIONS).read_text().splitlines()
    ticker, day, stamp, *prices, volume, interest = other.split(",")
    restated = ",".join([ticker, day, stamp, "1.05", "1.05", "1.05", "1.05", volume, interest])
    corrected = ",".join([ticker, day, stamp, "1.10", "1.10", "1.10", "1.10", volume, interest])
    impossible = ",".join([ticker, "31/02/2025", stamp, *prices, volume, interest])
    late = ",".join([ticker, day, "15:30:59", *prices, volume, interest])
    path = tmp_path / "again.csv"
    path.write_text(
        "\n".join(
            [header, same, restated, corrected, impossible, late, "RELIANCE.NSE" + other[other.index(",") :]]
        )
    )

    (loaded,) = json.loads(tickmart("load", "nse-minute", "--json", path).stdout)
    build()
    superseded = query(
        "select reason, uri like '%%again.csv', line, winner_line from marts.superseded_rows order by reason"
    )
    quarantined = query("select line, reason from marts.quarantine order by line")
    held = query("select close::text, load_id from marts.options_ticks where symbol = %s and bar_start = %s",
                 _symbol(ticker), _start(day, stamp))  # fmt: skip
    tests = dbt("test", "--select", "test_type:singular", "--target-path", tmp_path, "--log-path", tmp_path)
    tickmart("unload", str(loaded["load_id"]))
    build()

    assert superseded == [
        ("conflict: a later line of the same file has other values", True, 3, 4),
        ("conflict: a newer load has other values", False, 3, 4),
        ("same row delivered by another file", False, 2, 2),
    ]
    assert quarantined == [
        (5, "impossible date or time"),
        (6, "outside the session"),
        (7, "unknown symbol grammar"),
    ]
    assert held == [("1.10", loaded["load_id"])]
    assert "ERROR=0" in tests.stdout
    assert _but(marts(), "marts.load_history") == _but(undisturbed, "marts.load_history")


def test_an_index_that_comes_late_turns_the_greeks_from_none_to_ok(
    fresh_built_database: URL, files: Path
) -> None:
    # without puts there is no parity to take the forward from
    options = files / "nse-minute" / OPTIONS
    header, *bars = options.read_text().splitlines(keepends=True)
    options.write_text(header + "".join(bar for bar in bars if "CE.NFO" in bar))
    tickmart("load", "nse-minute", options)
    first = build()
    without = query("select distinct greeks_status from marts.options_ticks")

    tickmart("load", "nse-minute", files / "nse-minute" / "GFDLIDX_NIFTY50_11082025.csv")
    build("--no-greeks")
    between = query("select distinct greeks_status, delta is null from marts.options_ticks")
    last = build()

    assert set(first["greeks"]) == {"no_underlying"}
    assert without == [("no_underlying",)]
    assert between == [("pending", True)]
    assert last["greeks"] == {"ok": first["greeks"]["no_underlying"]}
    assert query("select distinct greeks_status, delta is null from marts.options_ticks") == [("ok", False)]
    assert query("select distinct greeks_status from marts.options_hourly") == [("ok",)]


def test_without_an_index_the_chain_prices_itself(fresh_built_database: URL, files: Path) -> None:
    priced = (
        "select symbol, bar_start, implied_volatility, delta from marts.options_ticks"
        " where forward_method = 'parity' order by 1, 2"
    )
    tickmart("load", "nse-minute", files / "nse-minute" / OPTIONS)
    build()
    alone = query(
        "select forward_method, greeks_status, count(*), count(underlying_price) from marts.options_ticks"
        " group by 1, 2 order by 1"
    )
    volatilities = query(priced)

    tickmart("load", "nse-minute", files / "nse-minute" / "GFDLIDX_NIFTY50_11082025.csv")
    build()

    (by_parity, by_nothing) = alone
    assert by_parity[:2] == ("parity", "ok")
    assert by_nothing[:2] == (None, "no_underlying")
    assert by_parity[3] == by_nothing[3] == 0
    assert len(volatilities) == by_parity[2]
    assert query(priced) == volatilities
    assert query(
        "select forward_method, greeks_status, count(*), count(underlying_price) from marts.options_ticks"
        " group by 1, 2 order by 1"
    ) == [
        ("parity", "ok", by_parity[2], by_parity[2]),
        ("spot and rate", "ok", by_nothing[2], by_nothing[2]),
    ]
    # the sample's premiums are of one forward, rounded to ticks
    [(strikes, farthest)] = query(
        "select max(parity_strikes), max(abs(parity_forward / spot_forward - 1)) from marts.forwards_ticks"
    )
    assert strikes == 3
    assert farthest < 1e-4


def test_other_columns_rebuild_a_table_with_what_reads_it_or_drop_nothing(
    warehouse: URL, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    project = copied_project(tmp_path)
    contract = project / "models/intermediate/bars/_int_bars__models.yml"
    before, name, after = contract.read_text().partition("  - name: int_spot__prices_deduped\n")
    other = {"high": "low", "low": "high"}
    after = re.sub(r"- name: (high|low)\n", lambda found: f"- name: {other[found[1]]}\n", after, count=2)
    contract.write_text(before + name + after)
    options = project / "models/intermediate/bars/int_options__quotes_deduped.sql"
    options.write_text(options.read_text() + "\n-- a comment is no rule\n")
    option_rows = "select ctid::text, xmin::text from intermediate.int_options__quotes_deduped order by 1, 2"
    untouched = query(option_rows)

    refused = dbt("run", "--select", "int_spot__prices_deduped", "--project-dir", project, status=1).stdout
    kept = marts()
    rebuilt = dbt("run", "--project-dir", project).stdout

    assert "marts.spot_prices" in refused
    assert "Nothing was dropped" in " ".join(refused.split())
    assert kept == undisturbed
    assert {line.split()[1] for line in rebuilt.splitlines() if "was built by other rules" in line} == {
        "int_spot__prices_hourly", "int_spot__prices_daily",
    }  # fmt: skip
    assert "intermediate.int_spot__prices_deduped is made anew" in rebuilt
    assert query(option_rows) == untouched
    # as far as the fingerprints tell, their inputs come from other rules
    assert query("select distinct greeks_status from marts.options_ticks") == [("pending",)]
    tickmart("greeks")
    assert marts() == undisturbed


def test_contract_ids_outlive_a_full_refresh_and_a_reload(
    warehouse: URL, sample: Path, undisturbed: dict[str, Any]
) -> None:
    numbers = "select symbol, contract_id from intermediate.int_contracts__described"
    before = sorted(query(numbers))

    loads = json.loads(tickmart("load", "nse-bhavcopy", "--force", "--json", sample / "nse-bhavcopy").stdout)
    build("--full-refresh")
    refreshed, contents = sorted(query(numbers)), marts()
    everything = [str(load) for (load,) in query("select load_id from audit.current_loads")]
    tickmart("unload", *everything)
    tickmart("load", "nse-minute", sample / "nse-minute")
    tickmart("load", "nse-bhavcopy", sample / "nse-bhavcopy")
    build()

    assert {file["status"] for file in loads} == {"loaded"}
    assert refreshed == before
    assert _but(contents, "marts.load_history") == _but(undisturbed, "marts.load_history")
    assert sorted(query(numbers)) == before
    assert _but(marts(), "marts.load_history") == _but(undisturbed, "marts.load_history")


def test_what_is_killed_and_run_again_ends_as_if_nothing_had_happened(
    fresh_database: URL, sample: Path, undisturbed: dict[str, Any]
) -> None:
    chance = random.Random(KILLS_SEED)
    cold = [COLD, "-m", "tickmart"]  # the seconds below include those of its start
    load_minutes = [*cold, "load", "nse-minute", str(sample / "nse-minute")]
    build_all = [*cold, "build", "--no-tests", "--no-greeks"]

    loads_struck = [_kill(load_minutes, chance.uniform(0.5, 1.1)) for _ in range(2)]
    tickmart("load", "nse-minute", sample / "nse-minute")
    tickmart("load", "nse-bhavcopy", sample / "nse-bhavcopy")
    builds_struck = [_kill(build_all, chance.uniform(latest - 2.0, latest)) for latest in (3.0, 6.0, 9.0)]
    build("--no-greeks")
    greeks_struck = [_kill([*cold, "greeks"], chance.uniform(0.6, 1.4)) for _ in range(2)]
    build()

    assert any(loads_struck), f"no load was struck with seed {KILLS_SEED}"
    assert any(builds_struck), f"no build was struck with seed {KILLS_SEED}"
    assert any(greeks_struck), f"no Greeks were struck with seed {KILLS_SEED}"
    assert _but(marts(), "marts.load_history") == _but(undisturbed, "marts.load_history")
    assert query("select count(*) from audit.loads_to_build") == [(0,)]
    assert query("select count(*) from audit.slices_to_build") == [(0,)]


def test_a_second_build_at_once_says_who_is_building(warehouse: URL, plain: list[str]) -> None:
    with build_lock():
        ours = tickmart("build", status=1, TICKMART_BUILD_PID="")  # another shell does not know of it
        plain_one = dbt("build", *plain, status=2, TICKMART_BUILD_PID="")

    for answer in (ours.stderr, plain_one.stdout):
        assert "another build is running on this database: process " in answer
        assert f"user {warehouse.username}" in answer


def test_plain_dbt_finds_a_model_that_is_being_written_elsewhere(warehouse: URL, plain: list[str]) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("set application_name = 'somebody else'")
        locks.lock(cursor, "model intermediate.int_rates__daily")
        answer = dbt("run", "--select", "int_rates__daily", *plain, status=1)

    assert "another build is writing intermediate.int_rates__daily: process " in answer.stdout
    assert "(somebody else)" in answer.stdout


def test_a_view_built_alone_keeps_the_views_above_it(warehouse: URL, plain: list[str]) -> None:
    views = "select oid, relname from pg_class where relkind = 'v' and relnamespace::regnamespace::text in"
    views += " ('staging', 'intermediate', 'marts') order by 1"
    before = query(views)

    dbt("run", "--select", "stg_gfdl__minute_bars", "int_symbols__identified", *plain)

    assert query(views) == before


def test_a_changed_seed_rewrites_only_its_own_table(warehouse: URL, tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    ranks = project / "seeds/source_ranks.csv"
    ranks.write_text(ranks.read_text().replace("trades can be missing", "a trade can be missing"))
    before = row_changes()

    dbt(
        "build", "--select", "resource_type:seed", "int_sessions__dated", "int_rates__daily", "options_daily",
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--project-dir", project,
    )  # fmt: skip

    assert changed_tables(before, row_changes()) == {"facts.source_ranks"}
    assert query("select count(*) from facts.source_ranks where reason like '%%a trade can be missing'") == [
        (1,)
    ]


def test_own_rates_replace_the_repo_rate_and_recompute_the_sessions_whose_rate_changed(
    warehouse: URL, tmp_path: Path
) -> None:
    project = copied_project(tmp_path)
    (project / "seeds/own/bill_rates.csv").write_text(
        "valid_from,annual_rate,source\n"
        "2025-01-01,0.055,the repo rate of August 2025\n"
        "2025-08-12,0.068,made for this test\n"
    )
    rates = "select session_date, round(interest_rate::numeric, 6)::text from marts.interest_rates"
    rates += " where session_date in ('2024-12-31', '2025-08-11', '2025-08-12') order by 1"
    first_day = (
        f"select tableoid::text, ctid::text, xmin::text from {GREEKS} where session_date = %s order by 1, 2"
    )
    second_day = f"select count(*), min(interest_rate) from {GREEKS} where session_date = %s"
    untouched = query(first_day, FIRST_DAY)
    [(rows, _)] = query(second_day, "2025-08-12")

    dbt(
        "build", "--select", "bill_rates", "int_rates__selected+1", "--exclude-resource-type", "unit_test",
        "--project-dir", project, TICKMART_RISK_FREE_RATES="bill_rates",
    )  # fmt: skip
    outcome = json.loads(tickmart("greeks", "--json").stdout)

    assert query(rates) == [(FIRST_DAY, "0.053541"), (date(2025, 8, 12), "0.065788")]
    assert outcome["rows"] == rows > 0
    assert query(first_day, FIRST_DAY) == untouched
    assert query(second_day, "2025-08-12") == [(rows, pytest.approx(0.065788, abs=1e-6))]


def test_rates_of_a_seed_that_is_not_there_are_one_clear_error(warehouse: URL) -> None:
    failed = tickmart("build", "--no-tests", status=1, TICKMART_RISK_FREE_RATES="bill_rates")

    assert failed.stderr == (
        "error: TICKMART_RISK_FREE_RATES names bill_rates, but there is no bill_rates.csv in seeds/. "
        "Put it into seeds/own/; its README.md says which columns it has.\n"
    )


def _kill(command: list[str], seconds: float) -> bool:
    """Start a command and kill it, and it alone, without warning: what it had started must not live on.

    Returns whether it still ran when it was struck.
    """
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=PROJECT_FOLDER
    ) as process:
        time.sleep(seconds)
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return was_running


def _symbol(ticker: str) -> str:
    [(symbol,)] = query(
        "select symbol from intermediate.int_contracts__described where contract_id ="
        " (select contract_id from intermediate.int_contracts__registered where vendor_symbol = %s)",
        ticker,
    )
    return str(symbol)


def _start(day: str, stamp: str) -> datetime:
    [(start,)] = query(
        "select (to_date(%s, 'DD/MM/YYYY') + %s::time) at time zone 'Asia/Kolkata' - interval '59 seconds'",
        day, stamp,
    )  # fmt: skip
    return start  # type: ignore[no-any-return]


def _but(contents: dict[str, Any], *names: str) -> dict[str, Any]:
    """The marts without those that tell of the loads themselves."""
    return {name: rows for name, rows in contents.items() if name not in names}
