from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from warehouse.clock import today
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, Settings, secret, settings


@pytest.fixture(autouse=True)
def _settings_read_anew() -> Iterator[None]:
    yield
    settings.cache_clear()


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


def test_today_is_the_day_that_is_told_wherever_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKMART_TODAY", "2027-01-04")
    settings.cache_clear()

    assert today("Asia/Kolkata") == today("America/New_York") == date(2027, 1, 4)


def test_without_a_day_told_it_is_the_clock_s_of_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKMART_TODAY", "")
    settings.cache_clear()
    before = datetime.now(UTC)

    west, east = today("Etc/GMT+12"), today("Etc/GMT-14")

    assert west >= (before - timedelta(hours=12)).date()
    assert timedelta(days=1) <= east - west <= timedelta(days=3)


def test_a_vendor_s_key_has_a_setting_of_its_own_and_shows_itself_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TICKMART_SECRETS__ACME_TOKEN", "hidden")
    (tmp_path / "settings").write_text("TICKMART_SECRETS__KITE_API_KEY=hidden\n")
    found = Settings(_env_file=tmp_path / "settings")

    assert {name: value.get_secret_value() for name, value in found.secrets.items()} == {
        "acme_token": "hidden",
        "kite_api_key": "hidden",
    }
    assert "hidden" not in repr(found)
    settings.cache_clear()
    assert secret("acme_token", "acme") == "hidden"


@pytest.mark.parametrize("value", [None, ""])
def test_a_key_that_is_not_set_is_asked_for_by_its_name(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("TICKMART_SECRETS__ACME_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("TICKMART_SECRETS__ACME_TOKEN", value)
    settings.cache_clear()

    with pytest.raises(
        TickmartError, match="acme-bars needs a key: set TICKMART_SECRETS__ACME_TOKEN, in the"
    ):
        secret("acme_token", "acme-bars")
