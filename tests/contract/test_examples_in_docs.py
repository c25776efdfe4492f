"""The examples of docs/adding-a-source.md and docs/adding-an-export.md are run as they stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

import mart_tables
import pytest
from mart_tables import APRIL, MARCH
from sqlalchemy import URL

from exporters.exporting import export
from exporters.publish import open_store, read_manifest
from loaders.landing import land
from warehouse import database as databases
from warehouse.settings import PROJECT_FOLDER, settings


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page that are marked with a language, or with none."""
    text = (PROJECT_FOLDER / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def plugins(fresh_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for kind in ("sources", "formats"):
        (tmp_path / "own" / kind).mkdir(parents=True)
    monkeypatch.setenv("TICKMART_PLUGINS_FOLDER", str(tmp_path / "own"))
    settings.cache_clear()
    yield tmp_path / "own"
    monkeypatch.undo()
    settings.cache_clear()


def test_the_source_lands_its_file(plugins: Path, tmp_path: Path) -> None:
    module = next(block for block in blocks("adding-a-source.md", "python") if "SOURCE = Source(" in block)
    (plugins / "sources/acme_bars.py").write_text(module)
    file = tmp_path / "acme.csv"
    file.write_text(next(block for block in blocks("adding-a-source.md", "") if block.startswith("Symbol,")))

    (outcome,) = land("acme-bars", [file]).outcomes

    assert (outcome.status, outcome.rows, outcome.rejected) == ("loaded", 1, 0)
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select symbol, time, close, volume, open_interest from raw.acme_minute_bars")
        assert cursor.fetchall() == [("NIFTY25AUG24500CE", "2025-08-11 09:15", "102.25", "75", "150000")]


def test_the_export_is_written_checked_and_written_again(plugins: Path, tmp_path: Path) -> None:
    (module,) = blocks("adding-an-export.md", "python")
    (plugins / "formats/daily_csv.py").write_text(module)
    with databases.connect() as connection:
        mart_tables.create(connection)
        mart_tables.fill(connection)

    first = export("daily-csv", [], MARCH, MARCH, str(tmp_path / "out"))
    second = export("daily-csv", [], None, None, str(tmp_path / "out"))
    again = export("daily-csv", [], None, None, str(tmp_path / "out"))

    assert [report.rows_verified for report in (first, second, again)] == [4, 8, 8]
    assert (again.outcome.written, again.outcome.removed) == (0, 0)
    manifest = read_manifest(open_store(tmp_path / "out"))
    assert manifest is not None
    assert {file.partition for file in manifest.files.values()} == {"2025"}
    lines = (tmp_path / "out/2025/NIFTY.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["day", str(MARCH), str(APRIL)]
