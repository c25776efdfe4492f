"""The same files built on both editions of TimescaleDB: continuous aggregates or hypertables, one answer.

The Community half runs on the server that TICKMART_TEST_COMMUNITY_URL names: PostgreSQL 16 or newer with
TimescaleDB's Community edition, and a user who may create databases and extensions.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from built_warehouse import build, database_on, named_by_the_environment, query, tickmart
from sqlalchemy import URL

from sampledata.generate import write_sample
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

ROLLUPS = [
    "int_options__bars_hourly",
    "int_options__bars_daily",
    "int_futures__bars_hourly",
    "int_futures__bars_daily",
    "int_spot__prices_hourly",
    "int_spot__prices_daily",
    "int_spot__official_daily",
    "int_series__listed",
    "int_options__snapshots_daily",
]
COMPRESSED = [
    "int_forwards__gathered_by_minute",
    "int_forwards__gathered_by_snapshot",
    "int_futures__quotes_deduped",
    "int_options__quotes_deduped",
    "int_options__snapshots_deduped",
    "int_spot__prices_deduped",
]
CHAIN = PROJECT_FOLDER / "tests/fixtures/nse-option-chain/captured.csv"
OPTIONS = "GFDLNFO_NIFTY_OPT_11082025.csv"


@dataclass(frozen=True)
class Editions:
    """One database on each edition, fed with the same files."""

    apache: URL
    community: URL
    files: Path

    def on_both(self) -> Iterator[str]:
        for name, url in (("apache", self.apache), ("community", self.community)):
            with named_by_the_environment(url):
                yield name

    def rows(self, model: str) -> dict[str, list[tuple[str, ...]]]:
        """Rows of a rollup on each edition, keyed by symbol, as text."""
        found = {}
        for edition in self.on_both():
            columns = dict(
                query(
                    "select attname::text, atttypid::regtype::text from pg_attribute"
                    " where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attname",
                    f"intermediate.{model}",
                )
            )
            texts = [
                # servers may differ in the time zone that they show times in
                f"(bars.{name} at time zone 'UTC')::text" if "time zone" in kind else f"bars.{name}::text"
                for name, kind in columns.items()
                if name != "contract_id"
            ]
            if "contract_id" in columns:
                texts.insert(0, "contracts.symbol")
            found[edition] = query(
                f"select {', '.join(texts)} from intermediate.{model} as bars"
                + (
                    " inner join intermediate.int_contracts__described as contracts using (contract_id)"
                    if "contract_id" in columns
                    else ""
                )
                + f" order by {', '.join(texts)}"
            )
        return found


@pytest.fixture(scope="module")
def editions(
    server_url: URL, community_server: URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Editions]:
    files = tmp_path_factory.mktemp("editions")
    write_sample(files, days=2, strikes=3, expiries=2, start=date(2025, 8, 11))
    with ExitStack() as stack:
        urls = [
            stack.enter_context(database_on(url, f"tickmart_test_{os.getpid()}_edition_{name}"))
            for name, url in (("apache", server_url), ("community", community_server))
        ]
        both = Editions(urls[0], urls[1], files)
        for _ in both.on_both():
            tickmart("db", "migrate")
            tickmart("load", "nse-minute", files / "nse-minute")
            tickmart("load", "nse-bhavcopy", files / "nse-bhavcopy")
            tickmart("load", "nse-option-chain", CHAIN)
            build("--no-greeks")
        yield both


def test_each_edition_is_what_it_is_said_to_be(editions: Editions) -> None:
    found = {
        edition: (
            query("select current_setting('timescaledb.license')")[0][0],
            query("select count(*) from timescaledb_information.continuous_aggregates")[0][0],
        )
        for edition in editions.on_both()
    }

    assert found == {"apache": ("apache", 0), "community": ("timescale", len(ROLLUPS))}


@pytest.mark.parametrize("model", ROLLUPS)
def test_a_rollup_has_the_same_rows_on_both_editions(editions: Editions, model: str) -> None:
    rows = editions.rows(model)

    assert rows["apache"]
    assert rows["community"] == rows["apache"]


def test_a_second_build_has_nothing_to_do_on_either(editions: Editions) -> None:
    rebuilt = {edition: build("--no-greeks")["rebuilt"] for edition in editions.on_both()}

    assert rebuilt == {"apache": [], "community": []}


def test_a_restated_file_and_its_unloading_refresh_both_alike(editions: Editions) -> None:
    path = editions.files / "nse-minute" / OPTIONS
    original = path.read_text()
    before = {model: editions.rows(model)["apache"] for model in ROLLUPS}
    header, first, _vanished, *others = original.splitlines()
    ticker, day, stamp, _, _, _, _, volume, interest = first.split(",")
    changed = f"{ticker},{day},{stamp},1.05,1.05,1.05,1.05,{volume},{interest}"
    new = f"NIFTY14AUG2540000CE.NFO,{day},15:29:59,0.05,0.05,0.05,0.05,75,75"
    path.write_text("\n".join([header, changed, *others, new]) + "\n")

    notes = {}
    for edition in editions.on_both():
        tickmart("load", "nse-minute", path)
        notes[edition] = sorted(build("--no-greeks")["rebuilt"])
    restated = {model: editions.rows(model) for model in ROLLUPS}
    for _ in editions.on_both():
        tickmart("unload", str(query("select max(load_id) from audit.current_loads")[0][0]))
        build("--no-greeks")
    unloaded = {model: editions.rows(model) for model in ROLLUPS}

    assert notes["community"] == notes["apache"] != []
    assert all(rows["community"] == rows["apache"] for rows in restated.values())
    assert {model for model, rows in restated.items() if rows["apache"] != before[model]} == {
        "int_options__bars_hourly",
        "int_options__bars_daily",
    }
    assert {model: rows["community"] for model, rows in unloaded.items()} == before
    assert {model: rows["apache"] for model, rows in unloaded.items()} == before


def test_a_full_refresh_keeps_the_rows_on_both(editions: Editions) -> None:
    before = {model: editions.rows(model) for model in ROLLUPS}

    for _ in editions.on_both():
        build("--no-greeks", "--full-refresh")

    assert {model: editions.rows(model) for model in ROLLUPS} == before


def test_a_restated_day_in_compressed_chunks_is_rebuilt(editions: Editions) -> None:
    path, chain = editions.files / "nse-minute" / OPTIONS, editions.files / CHAIN.name
    with named_by_the_environment(editions.community):
        compressed = {
            model: query(
                "select compress_chunk(chunk, true)::text from show_chunks(%s::regclass) as chunk",
                f"intermediate.{model}",
            )
            for model in COMPRESSED
        }
    for changed, original in ((path, path), (chain, CHAIN)):
        header, _vanished, *others = original.read_text().splitlines()
        changed.write_text("\n".join([header, *others]) + "\n")
    for _ in editions.on_both():
        tickmart("load", "nse-minute", path)
        tickmart("load", "nse-option-chain", chain)
        build("--no-greeks")

    assert all(compressed.values())
    for model in (
        "int_options__bars_hourly",
        "int_options__bars_daily",
        "int_options__snapshots_daily",
        "int_forwards__gathered_by_minute",
        "int_forwards__gathered_by_snapshot",
    ):
        rows = editions.rows(model)
        assert rows["community"] == rows["apache"]
