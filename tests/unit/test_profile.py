import stat
from pathlib import Path

import yaml
from sqlalchemy import make_url

from warehouse.database import profile
from warehouse.settings import PROJECT_FOLDER


def test_a_run_of_dbt_connects_with_the_parameters_of_the_address(tmp_path: Path) -> None:
    address = "postgresql://night:a%40b@db.example:6432/ticks?sslmode=verify-full&sslrootcert=/ca.pem"

    profile.write_into(tmp_path, make_url(f"{address}&keepalives_idle=30&application_name=mine"))

    written = tmp_path / "profiles.yml"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert yaml.safe_load(written.read_text())["tickmart"]["outputs"]["tickmart"] == {
        "type": "postgres",
        "host": "db.example",
        "port": 6432,
        "user": "night",
        "password": "a@b",
        "dbname": "ticks",
        "schema": "marts",
        "threads": 2,
        "application_name": "tickmart-dbt",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "keepalives_idle": 30,
    }


def test_the_written_profile_and_the_example_differ_in_values_from_the_environment_only(
    tmp_path: Path,
) -> None:
    profile.write_into(tmp_path, make_url("postgresql://night@db.example/ticks"))

    written = yaml.safe_load((tmp_path / "profiles.yml").read_text())["tickmart"]["outputs"]["tickmart"]
    example = yaml.safe_load((PROJECT_FOLDER / "profiles.yml.example").read_text())
    output = example["tickmart"]["outputs"]["tickmart"]
    assert set(written) == set(output)
    fixed = {name: value for name, value in output.items() if "env_var" not in str(value)}
    assert fixed == {name: written[name] for name in fixed}
