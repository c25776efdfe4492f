"""Sources and formats are found by the names of their files."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.formats import EXPORTERS
from loaders.sources import SOURCES
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings

Plugin = Callable[[str, str], None]

BARS = '''"""Bars of a vendor."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source

_TABLE = RawTable("acme_bars", ("symbol",))
SOURCE = Source("acme-bars", "bars", (Layout("acme", _TABLE, (Column("symbol", ("s",)),)),), "Bars of ACME.")
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """Write a file below a folder of plug-ins of one's own."""

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    monkeypatch.setenv("TICKMART_PLUGINS_FOLDER", str(tmp_path))
    settings.cache_clear()
    yield write
    monkeypatch.undo()
    settings.cache_clear()


def test_every_file_of_the_project_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKMART_PLUGINS_FOLDER", raising=False)
    settings.cache_clear()

    for plugins, folder in ((SOURCES, "loaders/sources"), (EXPORTERS, "exporters/formats")):
        files = {path.stem for path in (PROJECT_FOLDER / folder).glob("[a-z]*.py")}
        assert set(plugins) == {name.replace("_", "-") for name in files}
        assert all(plugins[name].name == name for name in plugins)


def test_a_file_in_a_folder_of_ones_own_is_one_as_well(plugin: Plugin) -> None:
    plugin("sources/acme_bars.py", BARS)
    plugin("sources/_helper.py", "raise ValueError")

    assert SOURCES["acme-bars"].description == "Bars of ACME."
    assert SOURCES["acme-bars"] is SOURCES["acme-bars"]
    assert "nse-minute" in SOURCES
    assert "-helper" not in SOURCES


def test_without_that_folder_it_is_none(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin("sources/acme_bars.py", BARS)
    monkeypatch.delenv("TICKMART_PLUGINS_FOLDER")
    settings.cache_clear()

    with pytest.raises(
        TickmartError, match=r"unknown source 'acme-bars'; known sources: csv, kite-instruments, .*nse"
    ):
        SOURCES.named("acme-bars")


def test_one_that_cannot_be_imported_is_named_and_only_when_it_is_asked_for(plugin: Plugin) -> None:
    plugin("sources/acme_bars.py", "import no_such_library\n")

    assert SOURCES["nse-minute"].name == "nse-minute"
    with pytest.raises(
        TickmartError,
        match=r"cannot import .*/acme_bars\.py: ModuleNotFoundError: No module named 'no_such_library'",
    ):
        list(SOURCES.values())
    assert "loaders.sources.acme_bars" not in sys.modules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no SOURCE that is a Source"),
        ("SOURCE = 'acme'", "has no SOURCE that is a Source"),
        (
            BARS.replace('"acme-bars"', '"acme"'),
            "calls its source 'acme'; .* the name of its file, 'acme-bars'",
        ),
    ],
    ids=["nothing", "something else", "another name"],
)
def test_one_that_is_none_is_refused(plugin: Plugin, text: str, said: str) -> None:
    plugin("sources/acme_bars.py", text)

    with pytest.raises(TickmartError, match=rf"sources/acme_bars\.py {said}"):
        SOURCES.named("acme-bars")


def test_two_of_one_name_are_refused(plugin: Plugin) -> None:
    plugin("sources/nse_minute.py", BARS)
    plugin("formats/nautilus.py", "")

    with pytest.raises(
        TickmartError,
        match=r"two sources are called 'nse-minute': loaders/sources/nse_minute\.py and /.*/nse_minute\.py",
    ):
        list(SOURCES)
    with pytest.raises(TickmartError, match="two formats are called 'nautilus'"):
        EXPORTERS.named("backtrader")


def test_what_a_format_is_is_said_without_importing_it(plugin: Plugin) -> None:
    plugin("formats/acme.py", '"""Files of ACME.\n\nMore of it.\n"""\nraise ValueError\n')

    assert EXPORTERS.summary("acme") == "Files of ACME."
    assert EXPORTERS.summary("nautilus").startswith("A NautilusTrader")
