"""If rows of several sources stand side by side, code that wants one of each says so."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHAPES = (PROJECT / "macros/domain/rows_that_compete.sql").read_text()
TABLES = sorted(set(re.findall(r"'in': '(\w+)'", SHAPES)))
# These macros ask for it themselves, in whatever they are given.
ASKING_MACROS = ("rolled_up_bars(", "contracts_as_last_known(", "of_several_sources=true")
OF_EVERY_SOURCE = {
    "int_equities__adjustments",  # waits for the table, and reads the closes that count
    "int_instruments__described",  # lives while any source has rows of it
    "nothing_trades_after_its_expiry",
}


def readers(table: str) -> list[Path]:
    files = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "macros").rglob("*.sql")]
    files += (PROJECT / "tests/data").glob("*.sql")
    return [path for path in files if f"ref('{table}')" in path.read_text()]


@pytest.mark.parametrize("table", TABLES)
def test_a_reader_of_rows_of_several_sources_says_which_count(table: str) -> None:
    found = readers(table)
    assert found, f"nothing reads {table}"
    silent = [
        path.stem
        for path in found
        if path.stem not in OF_EVERY_SOURCE
        and "is_preferred" not in path.read_text()
        and not any(macro in path.read_text() for macro in ASKING_MACROS)
    ]
    assert silent == []


def test_python_that_reads_such_rows_says_which_count() -> None:
    silent = []
    for package in ("warehouse", "greeks", "exporters", "tickmart", "flows"):
        for path in (PROJECT / package).rglob("*.py"):
            text = path.read_text()
            if any(table in text for table in TABLES) and "is_preferred" not in text:
                silent.append(path.name)
    assert silent == []
