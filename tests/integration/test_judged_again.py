"""A wrong file, a calendar that ends, a name that is missing: mending the cause mends what it kept out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

BHAVCOPY = PROJECT_FOLDER / "sampledata/bhavcopy_excerpt/BhavCopy_NSE_FO_0_0_0_20250801_F_0000.csv"
STRIKE = 11
HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest\n"


def _tickmart(project: Path, *arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tickmart", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def _rows(query: str) -> list[tuple[object, ...]]:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _build(project: Path) -> None:
    _tickmart(project, "build", "--no-tests", "--no-greeks")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project whose seeds a test may change."""
    copy = tmp_path / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached"], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT_FOLDER / name).exists() and not name.startswith(("tests/", "docs/")):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT_FOLDER / name, target)
    return copy


def test_a_wrong_strike_goes_when_its_file_is_restated(fresh_database: str, tmp_path: Path) -> None:
    file = tmp_path / BHAVCOPY.name
    lines = BHAVCOPY.read_text().splitlines()
    options = [number for number, line in enumerate(lines) if ",IDO," in line][:2]
    for number, strike in zip(options, ("", "1.00"), strict=True):
        cells = lines[number].split(",")
        cells[STRIKE] = strike
        lines[number] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")
    _tickmart(PROJECT_FOLDER, "load", "nse-bhavcopy", str(file))
    _build(PROJECT_FOLDER)
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (options[0] + 1, "option without a strike"),
        (options[1] + 1, "symbol differs from the terms in the row"),
    ]
    assert _rows("select count(*) from marts.options_metadata where strike = 1") == [(0,)]

    shutil.copyfile(BHAVCOPY, file)
    _tickmart(PROJECT_FOLDER, "load", "nse-bhavcopy", str(file))
    _build(PROJECT_FOLDER)

    assert _rows("select * from marts.quarantine") == []
    for number in options:
        right = BHAVCOPY.read_text().splitlines()[number].split(",")
        assert _rows(
            f"select strike::text from marts.options_metadata where exchange_symbol = '{right[13]}'"
        ) == [(right[STRIKE].removesuffix(".00"),)]


def test_a_row_that_contradicts_its_symbol_is_quarantined(fresh_database: str, tmp_path: Path) -> None:
    lines = BHAVCOPY.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if ",IDO," in line)
    cells = lines[number].split(",")
    cells[STRIKE] = "1.00"
    wrong = tmp_path / "later.csv"
    wrong.write_text(lines[0] + "\n" + ",".join(cells) + "\n")
    _tickmart(PROJECT_FOLDER, "load", "nse-bhavcopy", str(BHAVCOPY))
    _build(PROJECT_FOLDER)

    _tickmart(PROJECT_FOLDER, "load", "nse-bhavcopy", str(wrong))
    _build(PROJECT_FOLDER)

    assert _rows("select line, reason from marts.quarantine") == [
        (2, "symbol differs from the terms in the row")
    ]
    assert _rows("select count(*) from marts.options_metadata where strike = 1") == [(0,)]


def test_an_expiry_that_nobody_knew_is_let_in_when_its_redating_is_known(
    fresh_database: str, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text(HEADER + "NIFTY12MAR2522500CE.NFO,11/03/2025,09:15:59,1,1,1,1,75,75\n")
    _tickmart(project, "load", "nse-minute", str(file))
    _build(project)
    assert _rows("select line, reason from marts.quarantine") == [
        (2, "no such expiry was ever listed: 2025-03-12")
    ]

    with (project / "seeds/nse_redated_expiries.csv").open("a") as seed:
        seed.write("NSE,NIFTY,2025-03-13,2025-03-12,2025-03-11,made up for this test\n")
    _build(project)

    assert _rows("select * from marts.quarantine") == []
    assert _rows("select symbol, valid_from::text, expiry::text, decided_by from marts.contract_terms") == [
        ("NIFTY_250312_22500_CE", "2025-03-11", "2025-03-12", "symbol")
    ]


def test_a_longer_calendar_and_a_new_name_let_rows_in(
    fresh_database: str, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text(
        HEADER
        + "FOO INDEX.NSE_IDX,12/03/2025,09:15:59,1,1,1,1,0,0\n"
        + "NIFTY 50.NSE_IDX,04/01/2027,09:15:59,2,2,2,2,0,0\n"
        + "NIFTY 50.NSE_IDX,31/12/9999,09:15:59,3,3,3,3,0,0\n"
        + "NIFTY 50.NSE_IDX,12/03/2025,09:15:59,4,4,4,4,0,0\n"
    )
    _tickmart(project, "load", "nse-minute", str(file))
    _build(project)
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (2, "unknown symbol grammar"),
        (3, "no session on this date"),
        (4, "impossible date or time"),
    ]

    with (project / "seeds/underlying_names.csv").open("a") as names:
        names.write("FOO INDEX,FOO,NSE,index,made for this test\n")
    with (project / "seeds/nse_holidays.csv").open("a") as holidays:
        holidays.write("2027-01-26,Republic Day,made for this test\n")
    _build(project)

    assert _rows("select line, reason from marts.quarantine order by line") == [
        (4, "impossible date or time")
    ]
    assert _rows("select symbol, close::int from marts.spot_prices order by close") == [
        ("FOO", 1),
        ("NIFTY", 2),
        ("NIFTY", 4),
    ]
