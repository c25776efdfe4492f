"""Every setting of tickmart: one class, environment names `TICKMART_*`, nothing read elsewhere."""

from datetime import date
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import TickmartError
from warehouse.paths import local_path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Settings read from `TICKMART_*` environment variables and a git-ignored `.env` in the project's folder.

    Attributes
    ----------
    database_url : SecretStr or None
        `postgresql://user:password@host:port/dbname` of the server to use. None: the embedded one.
    state_folder : Path
        Where the embedded server keeps its data, its password and its log.
    cache_folder : Path or None
        Where the unpacked server packages are kept and shared between checkouts. None: the user's
        cache folder.
    profiles_folder : Path
        Where `tickmart db start` writes dbt's profiles.yml.
    s3_endpoint_url : str or None
        An S3 server other than Amazon's. Keys and region come from the usual `AWS_*` variables.
    risk_free_rates : str
        The seed with the risk-free rates, one of seeds/own/ or the default.
    equity_corporate_actions : str
        The seed with splits, bonuses and dividends of shares, one of seeds/own/ or the default.
    second_order_greeks : bool
        Whether the Greeks step computes second-order Greeks too.
    dask_cluster : str or None
        Address of a Dask scheduler whose workers compute the Greeks. None: processes of this machine.
    today : date or None
        The day as of which the calendar and the age of sources are judged. None: the clock's.
    archive_folder : Path
        Where the answers of vendors are kept as they came.
    secrets : dict of str to SecretStr
        Keys and tokens of vendors by name: TICKMART_SECRETS__ACME_TOKEN is `acme_token`.
    plugins_folder : Path or None
        Where sources and formats of your own lie, in `sources/` and `formats/` below it.
    test_community_url : SecretStr or None
        A server with TimescaleDB's Community edition on which the tests of continuous aggregates run.
    """

    model_config = SettingsConfigDict(
        env_prefix="TICKMART_",
        env_nested_delimiter="__",
        env_file=PROJECT_FOLDER / ".env",
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr | None = None
    state_folder: Path = Field(default=PROJECT_FOLDER / ".tickmart")
    cache_folder: Path | None = None
    profiles_folder: Path = PROJECT_FOLDER
    s3_endpoint_url: str | None = None
    risk_free_rates: str = "risk_free_rates"
    equity_corporate_actions: str = "equity_corporate_actions"
    second_order_greeks: bool = True
    dask_cluster: str | None = None
    today: date | None = None
    archive_folder: Path = PROJECT_FOLDER / "archive"
    secrets: dict[str, SecretStr] = Field(default_factory=dict)
    plugins_folder: Path | None = None
    test_community_url: SecretStr | None = None

    @field_validator(
        "database_url",
        "dask_cluster",
        "today",
        "test_community_url",
        "cache_folder",
        "s3_endpoint_url",
        "plugins_folder",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(
        "state_folder",
        "profiles_folder",
        "archive_folder",
        "risk_free_rates",
        "equity_corporate_actions",
        "second_order_greeks",
        mode="before",
    )
    @classmethod
    def _empty_is_the_default(cls, value: object, info: ValidationInfo) -> object:
        assert info.field_name is not None
        return cls.model_fields[info.field_name].default if value == "" else value

    @field_validator("state_folder", "cache_folder", "profiles_folder", "plugins_folder", "archive_folder")
    @classmethod
    def _home_is_resolved(cls, value: Path | None) -> Path | None:
        return None if value is None else local_path(value)


@cache
def settings() -> Settings:
    """Return the settings of this process, read once.

    Raises
    ------
    TickmartError
        A variable makes no sense; the message names it and never its value, which may be a password.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"TICKMART_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise TickmartError(f"cannot read the settings: {'; '.join(faults)}") from None


def secret(name: str, whose: str) -> str:
    """Return a vendor's key or token.

    Parameters
    ----------
    name : str
        Such as `acme_token`.
    whose : str
        Who asks for it, for the message.

    Raises
    ------
    TickmartError
        It is not set; the message names the setting.
    """
    found = settings().secrets.get(name)
    if found is None or not found.get_secret_value():
        raise TickmartError(f"{whose} needs a key: set {secret_setting(name)}, in the environment or in .env")
    return found.get_secret_value()


def secret_setting(name: str) -> str:
    """Return what the setting of a secret is called."""
    return f"TICKMART_SECRETS__{name.upper()}"
