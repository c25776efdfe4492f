"""Which files and settings make a build run that would otherwise find nothing new."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse import dbt, last_build
from warehouse.settings import PROJECT_FOLDER, settings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all that decides what a build does, in place of this checkout."""
    for part in (
        "models",
        "macros",
        "seeds",
        "functions",
        "tests/data",
        "loaders",
        "greeks",
        "warehouse",
        "tickmart",
    ):
        shutil.copytree(PROJECT_FOLDER / part, tmp_path / part)
    shutil.copy(PROJECT_FOLDER / "dbt_project.yml", tmp_path)
    for module in (last_build, dbt):
        monkeypatch.setattr(module, "PROJECT_FOLDER", tmp_path)
    return tmp_path


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda project: append(project / "models/marts/options/options_ticks.sql"),
        lambda project: append(project / "models/marts/options/_options__models.yml"),
        lambda project: append(project / "macros/build/plan_build.sql"),
        lambda project: append(project / "seeds/nse_holidays.csv"),
        lambda project: append(project / "functions/black_scholes_price.sql"),
        lambda project: append(next((project / "tests/data").glob("*.sql"))),
        lambda project: append(project / "dbt_project.yml"),
        lambda project: append(project / "greeks/black_scholes.py"),
        lambda project: (project / "seeds/own/of_my_own.csv").write_text("a\n"),
        lambda project: (project / "models/marts/options/options_ticks.sql").unlink(),
        lambda project: (project / "models/marts/options/options_ticks.sql").rename(project / "models/a.sql"),
    ],
)
def test_a_changed_file_of_the_project_counts(project: Path, change: Callable[[Path], None]) -> None:
    before = last_build.fingerprint_of_project()

    change(project)

    assert last_build.fingerprint_of_project() != before


def test_the_same_project_elsewhere_is_the_same(project: Path) -> None:
    copied = last_build.fingerprint_of_project()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_build, "PROJECT_FOLDER", PROJECT_FOLDER)
        assert last_build.fingerprint_of_project() == copied


@pytest.mark.parametrize("variable", ["TICKMART_TODAY", "DBT_FULL_REFRESH"])
def test_a_variable_that_reaches_dbt_counts(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable, raising=False)
    settings.cache_clear()
    before = last_build.fingerprint_of_project()

    monkeypatch.setenv(variable, "2026-12-01")
    settings.cache_clear()

    assert last_build.fingerprint_of_project() != before
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize("variable", ["DBT_TARGET_PATH", "DBT_LOG_PATH", "TICKMART_BUILD_PID", "HOME"])
def test_where_dbt_writes_does_not_count(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    before = last_build.fingerprint_of_project()

    monkeypatch.setenv(variable, "elsewhere")

    assert last_build.fingerprint_of_project() == before


def test_another_seed_of_rates_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(project / "seeds/risk_free_rates.csv", project / "seeds/own/my_rates.csv")
    before = last_build.fingerprint_of_project()

    monkeypatch.setenv("TICKMART_RISK_FREE_RATES", "my_rates")
    settings.cache_clear()
    try:
        assert last_build.fingerprint_of_project() != before
    finally:
        settings.cache_clear()
