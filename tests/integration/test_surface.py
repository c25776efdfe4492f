"""Surfaces of whole builds: the exchange's own days and generated minutes, restated and taken back."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from built_warehouse import build, close_for_copying, copy_of, query, tickmart
from sqlalchemy import URL

from sampledata.generate import write_sample
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

EXCERPT = PROJECT_FOLDER / "sampledata" / "bhavcopy_excerpt"
FIRST, SECOND = date(2025, 7, 31), date(2025, 8, 1)
MINUTES = date(2025, 8, 11)
SECOND_FILE = "BhavCopy_NSE_FO_0_0_0_20250801_F_0000.csv"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_sample(folder, days=1, strikes=11, expiries=2, start=MINUTES)
    shutil.copytree(EXCERPT, folder / "excerpt", ignore=shutil.ignore_patterns("*.json", "LICENSE"))
    return folder


@pytest.fixture(scope="module")
def built(built_database: URL, files: Path) -> URL:
    tickmart("load", "nse-minute", files / "nse-minute")
    tickmart("load", "nse-bhavcopy", files / "excerpt")
    build()
    close_for_copying(built_database)
    return built_database


@pytest.fixture
def warehouse(built: URL) -> Iterator[URL]:
    with copy_of(built) as copy:
        yield copy


def fits_by_day(session_date: date) -> list[tuple[object, ...]]:
    return query(
        "select expiry, xmin::text, a, b from enrichment.volatility_fits where session_date = %s order by 1",
        session_date,
    )


def test_the_exchanges_days_and_days_of_minutes_have_surfaces(warehouse: URL) -> None:
    official = query(
        "select session_date, expiry, source, fit_status, strikes, strikes = traded_strikes,"
        " is_free_of_butterfly_arbitrage and is_free_of_calendar_arbitrage, rmse < 0.02"
        " from marts.volatility_fits"
        " where underlying = 'NIFTY' and expiry >= '2025-09-01' and source = 'official'"
        " order by 1, 2"
    )
    assert official == [
        (FIRST, date(2025, 9, 25), "official", "ok", 9, True, True, True),
        (SECOND, date(2025, 9, 30), "official", "ok", 9, True, True, True),
    ]
    # on its last day an option has no volatility at the close
    assert query(
        "select fit_status, strikes, a, is_free_of_butterfly_arbitrage from marts.volatility_fits"
        " where underlying = 'NIFTY' and session_date = %s and expiry = %s",
        FIRST,
        FIRST,
    ) == [("too_few_strikes", 0, None, None)]
    assert query(
        "select count(*), count(*) filter (where fit_status = 'ok'),"
        " count(*) filter (where is_free_of_butterfly_arbitrage and is_free_of_calendar_arbitrage)"
        " from marts.volatility_fits where source = 'minute bars' and session_date = %s",
        MINUTES,
    ) == [(2, 2, 2)]


def test_a_slice_of_which_inputs_are_new_shows_no_surface_until_it_is_computed(
    warehouse: URL, files: Path, tmp_path: Path
) -> None:
    restated = tmp_path / "restated"
    shutil.copytree(files / "excerpt", restated)
    _double_the_premiums(restated / SECOND_FILE)
    neighbour, before = fits_by_day(FIRST), fits_by_day(SECOND)

    tickmart("load", "nse-bhavcopy", restated / SECOND_FILE)
    build("--no-greeks")

    shown = "select count(*) from marts.volatility_fits where session_date = %s"
    assert query(shown, SECOND) == [(0,)]
    assert query("select count(*) from marts.volatility_surface where session_date = %s", SECOND) == [(0,)]
    assert query(shown, FIRST) != [(0,)]

    tickmart("greeks")

    after = fits_by_day(SECOND)
    assert query(shown, SECOND) == [(len(after),)]
    assert [row[0] for row in after] == [row[0] for row in before]
    assert not {row[1] for row in after} & {row[1] for row in before}
    assert [row[2:] for row in after] != [row[2:] for row in before]
    assert fits_by_day(FIRST) == neighbour


def test_with_its_file_a_sessions_surface_goes(warehouse: URL) -> None:
    [(load_id,)] = query("select load_id from audit.loads where uri like %s", f"%{SECOND_FILE}")
    assert len(fits_by_day(SECOND)) > 0
    neighbour = fits_by_day(FIRST)

    tickmart("unload", str(load_id))
    build()

    assert fits_by_day(SECOND) == []
    assert query("select count(*) from enrichment.volatility_nodes where session_date = %s", SECOND) == [(0,)]
    assert fits_by_day(FIRST) == neighbour


def _double_the_premiums(file: Path) -> None:
    header, *lines = file.read_text().splitlines()
    columns = header.split(",")
    changed = []
    for line in lines:
        fields = line.split(",")
        if fields[columns.index("OptnTp")]:
            for name in ("OpnPric", "HghPric", "LwPric", "ClsPric", "LastPric", "SttlmPric"):
                place = columns.index(name)
                fields[place] = f"{2 * float(fields[place] or 0):.2f}"
        changed.append(",".join(fields))
    file.write_text("\n".join([header, *changed]) + "\n")
