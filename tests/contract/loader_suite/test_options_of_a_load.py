"""What is said of a file when it is loaded: kept, compared, and asked for by the command."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loader_samples import query
from sqlalchemy import URL

from loaders.landing import Outcome, land
from loaders.landing.checking import check
from loaders.source import LoadOption
from warehouse.errors import TickmartError
from warehouse.settings import settings

SOURCE = '''"""Bars in a zone that their files do not say."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loaders.layouts import Column, Layout, RawTable
from loaders.source import LoadOption, Source


def zone_name(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("it is no time zone such as Asia/Kolkata") from None


SOURCE = Source(
    "acme-zones",
    "bars",
    (Layout("acme", RawTable("acme_zones", ("time",)), (Column("time", ("Time",)),)),),
    "Bars of ACME.",
    options=(
        LoadOption("zone", "Time zone of the stamps.", zone_name, required=True),
        LoadOption("symbol", "What the bars are of."),
    ),
)
'''


@pytest.fixture
def path(fresh_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of the source; the source itself lies in a user's own folder of plug-ins."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/acme_zones.py").write_text(SOURCE)
    monkeypatch.setenv("TICKMART_PLUGINS_FOLDER", str(tmp_path))
    settings.cache_clear()
    path = tmp_path / "bars.csv"
    path.write_text("Time\n09:15\n")
    yield path
    monkeypatch.undo()
    settings.cache_clear()


def loaded(path: Path, **options: str) -> Outcome:
    (outcome,) = land("acme-zones", [path], options=options).outcomes
    return outcome


def test_options_are_kept_with_the_load(path: Path) -> None:
    loaded(path, zone="Asia/Kolkata", symbol="NIFTY")

    assert query("select options from audit.current_loads") == [
        ({"zone": "Asia/Kolkata", "symbol": "NIFTY"},)
    ]


def test_the_same_bytes_with_the_same_options_are_left_alone_and_with_others_restated(path: Path) -> None:
    first = loaded(path, zone="Asia/Kolkata")

    assert loaded(path, zone="Asia/Kolkata").status == "already loaded"
    second = loaded(path, zone="Europe/London")
    assert (second.status, second.restates, second.rows) == ("loaded", first.load_id, 1)
    third = loaded(path, zone="Europe/London", symbol="NIFTY")
    assert (third.status, third.restates) == ("loaded", second.load_id)
    assert query("select load_id from audit.current_loads") == [(third.load_id,)]


def test_a_grown_file_continues_with_the_same_options_alone(path: Path) -> None:
    first = loaded(path, zone="Asia/Kolkata")
    path.write_text("Time\n09:15\n09:16\n")
    second = loaded(path, zone="Asia/Kolkata")
    path.write_text("Time\n09:15\n09:16\n09:17\n")
    third = loaded(path, zone="Europe/London")

    assert (second.rows, second.continues) == (1, first.load_id)
    assert (third.rows, third.continues, third.restates) == (3, None, second.load_id)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, r"acme-zones has to be told its zone: say --zone \(Time zone of the stamps\.\)"),
        ({"zone": "Mars"}, "--zone 'Mars' makes no sense: it is no time zone such as Asia/Kolkata"),
        ({"zone": "UTC", "colour": "red"}, "acme-zones takes no option colour; it takes zone, symbol"),
    ],
    ids=["missing", "no sense", "unknown"],
)
def test_options_that_make_no_sense_are_refused_before_a_file_is_read(
    path: Path, options: dict[str, str], said: str
) -> None:
    for refused in (land, check):
        with pytest.raises(TickmartError, match=said):
            refused("acme-zones", [path], options=options)

    assert query("select count(*) from audit.loads") == [(0,)]


def test_a_source_without_options_takes_none(path: Path) -> None:
    with pytest.raises(TickmartError, match="nse-minute takes no option zone; it takes none"):
        land("nse-minute", [path], options={"zone": "UTC"})


def test_the_command_has_the_options_of_its_source_alone(path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tickmart", "load", *words], capture_output=True, text=True, check=False
        )

    assert "Time zone of the stamps." in run("acme-zones", "--help").stdout
    landed = run("acme-zones", "--zone", "Asia/Kolkata", str(path))
    assert (landed.returncode, landed.stderr) == (0, "")
    assert query("select options ->> 'zone' from audit.current_loads") == [("Asia/Kolkata",)]
    assert run("acme-zones", str(path)).stderr.startswith("error: acme-zones has to be told its zone")
    assert "No such option: --zone" in run("nse-minute", "--zone", "UTC", str(path)).stderr


@pytest.mark.parametrize("name", ["force", "as_of", "encoding", "asked_at", "time zone"])
def test_an_option_cannot_have_a_name_that_means_something_else(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        LoadOption(name, "Anything.")
