from pathlib import Path

import pytest

from warehouse.settings import PROJECT_FOLDER, Settings


def test_settings_are_read_from_the_project_s_folder_wherever_a_command_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TICKMART_S3_ENDPOINT_URL=http://somewhere.else\n")

    assert Settings().s3_endpoint_url != "http://somewhere.else"
    assert Settings.model_config["env_file"] == PROJECT_FOLDER / ".env"


def test_an_empty_address_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKMART_DATABASE_URL", "")

    assert Settings().database_url is None
