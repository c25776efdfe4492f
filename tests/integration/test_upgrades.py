"""Databases that older versions have built: today's build makes of them what it makes of their files.

The fixtures are written by scripts/write_older_database.py; their names say which commit had built them.
"""

import json
import lzma
from pathlib import Path

import pytest
from built_warehouse import build, marts, query, tickmart
from sqlalchemy import URL

from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

OLDER = sorted((PROJECT_FOLDER / "tests/fixtures/older-databases").glob("*.sql.xz"))


def _take_in(file: Path) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(lzma.decompress(file.read_bytes()).decode())


@pytest.mark.parametrize("file", OLDER, ids=lambda file: file.name.removesuffix(".sql.xz"))
def test_an_older_database_builds_as_if_it_were_new(empty_database: URL, file: Path) -> None:
    _take_in(file)
    ids = dict(query("select vendor_symbol, contract_id from intermediate.int_contracts__registered"))

    # with all tests: Greeks that are due are not judged before they are computed
    first = json.loads(tickmart("build", "--json").stdout)
    upgraded = marts()
    second = build()
    build("--full-refresh")

    assert first["greeks"] == {"ok": 272}
    assert (second["rebuilt"], second["greeks"]) == ([], {})
    assert upgraded["marts.options_ticks"][0] == 192
    assert marts() == upgraded
    assert dict(query("select vendor_symbol, contract_id from intermediate.int_contracts__registered")) == ids
