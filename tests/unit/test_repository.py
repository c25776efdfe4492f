"""What a person who takes over the repository reads first is true."""

import re
import tomllib
from itertools import chain

import pytest

from warehouse.settings import PROJECT_FOLDER, Settings

PYPROJECT = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text())


def test_the_example_of_settings_names_every_setting() -> None:
    named = re.findall(
        r"^(?:# )?([A-Z0-9_]+?)(?:__ACME_TOKEN)?=(.*)$",
        (PROJECT_FOLDER / ".env.example").read_text(),
        re.MULTILINE,
    )

    assert sorted(name for name, _ in named) == sorted(
        f"TICKMART_{name.upper()}" for name in Settings.model_fields
    )
    assert {value for _, value in named} == {""}  # no default is written twice, and no secret is an example


def test_the_example_of_settings_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TICKMART_{name.upper()}", raising=False)

    assert Settings(_env_file=PROJECT_FOLDER / ".env.example") == Settings(_env_file=None)


def test_there_is_one_version_number_and_the_changelog_begins_with_it() -> None:
    newest = re.search(r"^## (\S+?),? ", (PROJECT_FOLDER / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest
    assert newest[1] == PYPROJECT["project"]["version"]
    assert not re.search(r"^version:", (PROJECT_FOLDER / "dbt_project.yml").read_text(), re.MULTILINE)


def test_the_lock_has_a_version_of_every_dependency_and_no_address() -> None:
    lock = (PROJECT_FOLDER / "requirements.lock").read_text()
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=! ]", text)[0].lower().replace("_", "-") for text in wanted}

    assert names <= {line.split("==")[0] for line in lock.splitlines()}
    assert "://" not in lock
