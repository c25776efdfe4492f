"""Databases built by older versions: today's build makes the same of them as of their files.

The fixtures are written by scripts/write_older_database.py; their names say which commit had built them. All
of them were built from the same files.
"""

import hashlib
import json
import lzma
import os
from pathlib import Path

import pytest
from built_warehouse import build, change, database_on, marts, query, tickmart
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FOLDER = PROJECT_FOLDER / "tests/fixtures/older-databases"
OLDER = sorted(FOLDER.glob("*.sql.xz"))


def _take_in(file: Path) -> None:
    change(lzma.decompress(file.read_bytes()).decode())


def _contracts() -> dict[str, int]:
    return dict(query("select vendor_symbol, contract_id from intermediate.int_contracts__registered"))


def test_the_files_are_those_that_are_described_and_name_no_machine() -> None:
    described = json.loads((FOLDER / "metadata.json").read_text())["files"]

    assert described == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in OLDER}
    for file in OLDER:
        text = lzma.decompress(file.read_bytes()).decode()
        assert text.count("file:///") == text.count("file:///vendor/") == 8


@pytest.fixture(scope="module")
def built_anew(server_url: URL) -> dict[str, tuple[int, str]]:
    """What the marts hold when everything is made again, with the contracts' ids kept."""
    with database_on(server_url, f"tickmart_test_{os.getpid()}_anew"):
        _take_in(OLDER[-1])
        ids = _contracts()
        build("--full-refresh")
        assert _contracts() == ids
        return marts()


@pytest.mark.parametrize("file", OLDER, ids=lambda file: file.name.removesuffix(".sql.xz"))
def test_an_older_database_builds_as_if_it_were_new(
    built_anew: dict[str, tuple[int, str]], empty_database: URL, file: Path
) -> None:
    _take_in(file)
    ids = _contracts()

    # with all tests: Greeks that are due are not judged before they are computed
    first = json.loads(tickmart("build", "--json").stdout)
    upgraded = marts()
    second = build()

    assert first["greeks"] == {"ok": 272}
    assert (second["rebuilt"], second["greeks"]) == ([], {})
    assert upgraded["marts.options_ticks"][0] == 192
    assert marts() == upgraded == built_anew
    assert _contracts() == ids
