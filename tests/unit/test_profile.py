import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url

from warehouse.database import profile
from warehouse.settings import PROJECT_FOLDER, settings

_DEVELOPERS_SCHEMA = "{{ env_var('TICKMART_DEV_SCHEMA', 'dev') }}"


@pytest.fixture(autouse=True)
def _state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TICKMART_STATE_FOLDER", str(tmp_path / "state"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_a_run_of_dbt_connects_with_the_parameters_of_the_address() -> None:
    address = "postgresql://night:a%40b@db.example:6432/ticks?sslmode=verify-full&sslrootcert=/ca.pem"

    folder, environment = profile.for_our_runs(
        make_url(f"{address}&keepalives_idle=30&application_name=mine")
    )

    written = folder / "profiles.yml"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert yaml.safe_load(written.read_text())["tickmart"]["outputs"]["tickmart"] == {
        "type": "postgres",
        "host": "db.example",
        "port": 6432,
        "user": "night",
        "password": "{{ env_var('DBT_ENV_SECRET_TICKMART_PASSWORD') }}",
        "dbname": "ticks",
        "schema": "marts",
        "threads": 2,
        "application_name": "tickmart-dbt",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "keepalives_idle": 30,
    }
    assert environment == {"DBT_ENV_SECRET_TICKMART_PASSWORD": "a@b"}


def test_runs_on_one_database_share_a_profile_whatever_the_password_and_others_have_their_own() -> None:
    first, _ = profile.for_our_runs(make_url("postgresql://night:old@db.example/ticks"))
    again, _ = profile.for_our_runs(make_url("postgresql://night:new@db.example/ticks"))
    other, _ = profile.for_our_runs(make_url("postgresql://night:old@db.example/bars"))

    assert first == again
    assert other != first
    assert [file.name for file in first.iterdir()] == ["profiles.yml"]
    assert stat.S_IMODE(settings().state_folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("password", ["", "a@b", "{{ 1 }}", "{% raw", 'quo"te', "007", "null", "with space"])
def test_dbt_takes_the_password_letter_by_letter(password: str) -> None:
    # takes seconds, so not in every process that collects tests
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    url = make_url("postgresql://night@db.example/ticks").set(password=password)
    folder, environment = profile.for_our_runs(url)
    set_invocation_context(environment)

    raw = yaml.safe_load((folder / "profiles.yml").read_text())
    read = ProfileRenderer({}).render_data(raw["tickmart"])

    assert read["outputs"]["tickmart"]["password"] == password


def test_the_written_profile_and_the_example_differ_in_values_from_the_environment_only() -> None:
    folder, _ = profile.for_our_runs(make_url("postgresql://night@db.example/ticks"))

    written = yaml.safe_load((folder / "profiles.yml").read_text())["tickmart"]["outputs"]["tickmart"]
    example = yaml.safe_load((PROJECT_FOLDER / "profiles.yml.example").read_text())
    output = example["tickmart"]["outputs"]["tickmart"]
    assert example["tickmart"]["outputs"]["dev"] == output | {"schema": _DEVELOPERS_SCHEMA}
    assert set(written) == set(output)
    fixed = {name: value for name, value in output.items() if "env_var" not in str(value)}
    assert fixed == {name: written[name] for name in fixed}


def test_a_profile_for_people_has_a_developers_target_on_the_same_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKMART_PROFILES_FOLDER", str(tmp_path))
    settings.cache_clear()

    assert profile.write(make_url("postgresql://night:word@db.example/ticks"))

    outputs = yaml.safe_load((tmp_path / "profiles.yml").read_text())["tickmart"]["outputs"]
    assert outputs["dev"] == outputs["tickmart"] | {"schema": _DEVELOPERS_SCHEMA}
    assert outputs["tickmart"]["password"] == "word"
