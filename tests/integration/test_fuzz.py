"""Files damaged by hand and at random, landed and built: no line is lost, and no test of the build fails."""

import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import named_by_the_environment, query, tickmart
from sqlalchemy import URL

from tests.fuzz.running import fuzz
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
GFDL = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"
UDIFF = (FIXTURES / "nse-bhavcopy/udiff_20240708.csv").read_text().splitlines()[0]
# No compression makes it fit into an entry of an index.
LONG = "".join(random.Random(1).choices(string.ascii_uppercase + string.digits, k=3_000))


@pytest.fixture
def folder(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    with named_by_the_environment(fresh_built_database):
        yield tmp_path


def test_no_damaged_file_stops_a_build_or_loses_a_line(folder: Path) -> None:
    land_cells_without_bound(folder)
    land_two_names_of_one_contract(folder)
    land_files_of_a_spreadsheet(folder)

    result = fuzz([FIXTURES], seed=20251127, mutations=100, rows=20, seconds=30)

    assert result.build_is_green, result.build
    assert result.lost == []
    assert result.lines == result.rows + result.rejected > 1_000
    assert reasons("long%") == [
        ("expiry is longer than 100 bytes",),
        ("price is not a number",),
        ("symbol is longer than 100 bytes",),
        ("symbol is longer than 100 bytes",),
    ]
    assert reasons("names%") == [("symbol differs from the terms in the row",)]
    assert query(
        "select exchange_symbol, count(*) from marts.options_daily"
        " join intermediate.int_contracts__described using (contract_id)"
        " where session_date = '2025-08-01' and options_daily.strike = 24850 group by exchange_symbol"
    ) == [("NIFTY2580724850PE", 1)]
    assert reasons("minutes%") == [
        ("time without seconds: 09:18",),
        ("volume has an exponent, so figures of it may be lost",),
    ]
    assert query(
        "select to_char(bar_start at time zone 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI'), volume"
        " from marts.options_ticks where symbol = 'NIFTY_251125_25600_CE' order by bar_start"
    ) == [("2025-11-04 09:15", 1250), ("2025-11-04 09:19", 75), ("2025-11-24 09:16", 75)]


def reasons(file: str) -> list[tuple[str]]:
    """Why rows of a file are quarantined."""
    return query("select reason from marts.quarantine where uri like %s order by reason", f"%/{file}")


def land_cells_without_bound(folder: Path) -> None:
    """Cells that are keys and fit into no index, and a number that no cast takes."""
    bar = "91,92,90,91,75,3000"
    (folder / "long_symbol.csv").write_text(f"{GFDL}\n{LONG},12/03/2025,09:15:59,{bar}\n")
    (folder / "long_fraction.csv").write_text(
        f"{GFDL}\nNIFTY 50.NSE_IDX,12/03/2025,09:15:59,91,92,90,91.{'9' * 17_000},0,0\n"
    )
    (folder / "long_expiry.csv").write_text(
        f"{GFDL},Type,Strike,Expiry\nBANKNIFTY25JAN1718300CE.NFO,02/01/2017,09:15:59,{bar},CE,18300,{LONG}\n"
    )
    tickmart("load", "nse-minute", *folder.glob("long_*.csv"))
    (folder / "long_name.csv").write_text(f"{UDIFF}\n{option('NIFTY', 24900, LONG)}\n")
    tickmart("load", "nse-bhavcopy", folder / "long_name.csv")


def land_two_names_of_one_contract(folder: Path) -> None:
    """One row under a name that is none, and the same row under its own name in another file."""
    (folder / "names_a.csv").write_text(f"{UDIFF}\n{option('NIFTY', 24850, '01/01/0001')}\n")
    (folder / "names_b.csv").write_text(f"{UDIFF}\n{option('NIFTY', 24850, 'NIFTY2580724850PE')}\n")
    tickmart("load", "nse-bhavcopy", folder / "names_a.csv")
    tickmart("load", "nse-bhavcopy", folder / "names_b.csv")


def option(underlying: str, strike: int, name: str) -> str:
    """A row of a put of 7 August 2025."""
    return (
        f"2025-08-01,2025-08-01,FO,NSE,IDO,39861,,{underlying},,2025-08-07,2025-08-07,{strike}.00,PE,{name},"
        "211.95,351.20,176.20,321.40,333.70,168.95,24565.35,321.40,518250,-480300,228340,429536931656.25,161235,F1,75,"
        ",,,,"
    )


def land_files_of_a_spreadsheet(folder: Path) -> None:
    """Dates and numbers as a spreadsheet writes them; one date proves that the day stands first."""
    prices = "100,101,99,100.5"
    (folder / "minutes.csv").write_text(
        f"{GFDL}\n"
        f'NIFTY25NOV2525600CE.NFO,4/11/2025,9:15:59,{prices},"1,250",75000\n'
        f"NIFTY25NOV2525600CE.NFO,24/11/2025,09:16:59,{prices},75,75000\n"
        f"NIFTY25NOV2525600CE.NFO,04-11-2025,09:18,{prices},75,75000\n"
        f"NIFTY25NOV2525600CE.NFO,4-Nov-25,09:19:59 AM,{prices},75,75000\n"
        f"NIFTY25NOV2525600CE.NFO,04/11/2025,09:20:59,{prices},1.5E+02,75000\n"
    )
    tickmart("load", "nse-minute", folder / "minutes.csv")
