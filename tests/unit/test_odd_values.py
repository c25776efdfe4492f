"""Values that nobody means, given to every command: one clear error, and never a traceback."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters import s3
from exporters.publish import Folder, open_store
from exporters.publish.bucket import Bucket
from exporters.s3 import client
from tickmart.main import main
from warehouse.database import database_url
from warehouse.errors import TickmartError
from warehouse.names import names_held
from warehouse.paths import local_path, printable
from warehouse.settings import settings


def tickmart(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Run a command as a shell does and return its exit code and what `sys.exit` says on stderr."""
    monkeypatch.setattr("sys.argv", ["tickmart", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return (1, code) if isinstance(code, str) else (code or 0, "")


def set_to(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _settings_as_they_were() -> Iterator[None]:
    yield
    settings.cache_clear()


NO_PATH = [
    ("", "the path is empty: say a file or a folder"),
    ("~no-such-user/x", "there is no user no-such-user; write ./~no-such-user/x for something of that name"),
]


@pytest.mark.parametrize(("path", "words"), NO_PATH)
@pytest.mark.parametrize(
    "command",
    [
        ("loads",),
        ("sample", "--to"),
        ("backtest", "run", "--catalog"),
        ("export", "backtrader", "--to"),
        ("export", "nautilus", "--to"),
    ],
    ids=" ".join,
)
def test_a_path_that_is_none_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], path: str, words: str
) -> None:
    status, said = tickmart(monkeypatch, *command, path)
    assert status == 1
    assert said.startswith("error: ")
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize(("path", "words"), NO_PATH)
def test_a_path_that_is_none_stops_no_other_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str, words: str
) -> None:
    there = str(Path(__file__).parents[1] / "fixtures/nse-minute/options.csv")
    status, _ = tickmart(monkeypatch, "load", "nse-minute", "--check", path, there)
    captured = capsys.readouterr()
    assert status == 1
    assert "options.csv: " in captured.out
    assert captured.err.startswith("error: ")
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("s3://", "names no bucket. Write s3://bucket/prefix"),
        ("s3:///prefix", "names no bucket. Write s3://bucket/prefix"),
        ("s3:/bucket", "exports go to a folder or to s3://bucket/prefix"),
        ("S3://bucket", "exports go to a folder or to s3://bucket/prefix"),
        ("gs://bucket", "exports go to a folder or to s3://bucket/prefix"),
        ("/dev/null", "is a file; an export needs a folder"),
    ],
)
def test_a_place_that_is_none_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, destination: str, words: str
) -> None:
    for command in (("export", "backtrader", "--to"), ("backtest", "run", "--catalog")):
        status, said = tickmart(monkeypatch, *command, destination)
        assert status == 1
        assert words in said


def test_a_prefix_keeps_what_would_end_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "TICKMART_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = open_store("s3://bucket/day?x#1/[y]/")
    assert isinstance(bucket, Bucket)
    assert (bucket.bucket, bucket.prefix) == ("bucket", "day?x#1/[y]")
    with pytest.raises(TickmartError, match='Invalid bucket name "a bucket"') as refused:
        open_store("s3://a bucket/x").read("manifest.json")
    assert "\n" not in str(refused.value)


def test_a_folder_may_have_any_name_that_a_folder_can_have(tmp_path: Path) -> None:
    for name in ("50%", 'a"b', "~nobody", "a b?c#d", "[x]", "ü"):
        store = open_store(tmp_path / name)
        assert isinstance(store, Folder)
        store.write("a.txt", b"x", "")
        assert (tmp_path / name / "a.txt").read_bytes() == b"x"


@pytest.mark.parametrize(
    "endpoint",
    [
        "nonsense",
        "localhost:9000",
        "ftp://host",
        "http://",
        "http:// host",
        "http://host:port",
        "http://[::1",
        "/x",
    ],
)
def test_an_s3_address_that_is_none_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    set_to(monkeypatch, "TICKMART_S3_ENDPOINT_URL", endpoint)
    status, said = tickmart(monkeypatch, "export", "backtrader", "--to", "s3://bucket/x")
    assert status == 1
    assert said == (
        f"error: TICKMART_S3_ENDPOINT_URL is {endpoint!r}, which is no address of a server."
        " Write http://host:port or https://host."
    )


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("TICKMART_S3_ENDPOINT_URL", "http://key:secret@localhost:9000"),
        ("TICKMART_S3_ENDPOINT_URL", "key:secret@localhost:9000"),
        ("TICKMART_S3_ENDPOINT_URL", "http://key:secret@[::1"),
        ("AWS_ENDPOINT_URL", "http://key:secret@localhost:9000"),
        ("AWS_ENDPOINT_URL_S3", "http://key:secret@localhost:9000"),
    ],
)
def test_an_s3_address_with_a_password_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, endpoint: str
) -> None:
    set_to(monkeypatch, name, endpoint)
    status, said = tickmart(monkeypatch, "export", "backtrader", "--to", "s3://bucket/x")
    assert status == 1
    assert said == (
        f"error: {name} holds a user or password. Write http://host:port or https://host; keys belong in"
        " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


def test_an_empty_s3_address_is_amazons(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "TICKMART_S3_ENDPOINT_URL", "")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    assert client().meta.endpoint_url == "https://s3.ap-south-1.amazonaws.com"
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    s3._client.cache_clear()
    with pytest.raises(TickmartError, match="cannot use S3: The config profile"):
        client()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://u:secret@host/a%00b", "is not the address of a PostgreSQL database"),
        ("postgresql://u:secret%00@host/a", "is not the address of a PostgreSQL database"),
        ("postgresql://u:secret@host:port/a", "is not the address of a PostgreSQL database"),
        ("postgresql://u:secret@[::1/a", "is not the address of a PostgreSQL database"),
        ("mysql://u:secret@host/a", "is not the address of a PostgreSQL database"),
        ("nonsense", "is not the address of a PostgreSQL database"),
        (
            "postgresql://u:secret@host/a%25b",
            "names the database a%b: dbt cannot work in one whose name holds %.",
        ),
        (
            "postgresql://u:secret@host/a%22b",
            'names the database a"b: dbt cannot work in one whose name holds ".',
        ),
        ("postgresql://u:secret@host/{{'a'}}", "dbt cannot work in one whose name holds ' {."),
        ("postgresql://u:secret@host/a%0A%5C", r"names the database a\n\: dbt cannot work"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_clear_error_without_the_password(
    monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    set_to(monkeypatch, "TICKMART_DATABASE_URL", address)
    for command in (("list",), ("load", "nse-minute", "x"), ("build",), ("db", "url")):
        status, said = tickmart(monkeypatch, *command)
        assert status == 1
        assert words in said
        assert "secret" not in said
        assert "\n" not in said


def test_a_user_and_a_password_may_hold_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "TICKMART_DATABASE_URL", "postgresql://%22u%25:p%40%2F%7B%25@host/a-b c")
    url = database_url()
    assert (url.username, url.password, url.database) == ('"u%', "p@/{%", "a-b c")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "TICKMART_SECOND_ORDER_GREEKS",
            "perhaps",
            "TICKMART_SECOND_ORDER_GREEKS: Input should be a valid boolean",
        ),
        ("TICKMART_STATE_FOLDER", "~no-such-user/x", "there is no user no-such-user"),
        ("TICKMART_PROFILES_FOLDER", "~no-such-user/x", "there is no user no-such-user"),
    ],
)
def test_a_setting_without_sense_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    set_to(monkeypatch, name, value)
    status, said = tickmart(monkeypatch, "db", "url")
    assert status == 1
    assert words in said


def test_an_empty_folder_of_the_settings_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = {name: field.default for name, field in type(settings()).model_fields.items()}
    for name in ("state_folder", "profiles_folder", "cache_folder"):
        set_to(monkeypatch, f"TICKMART_{name.upper()}", "")
        assert getattr(settings(), name) == defaults[name]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--start", "0001-01-01"), "no calendar for 0001-01-01"),
        (("--start", "9999-12-31"), "no calendar for 9999-12-31"),
        (("--seed", "-1"), "seed is -1; it must be at least 0"),
        (("--underlying", "%"), "unknown underlying %; a sample can have: NIFTY, BANKNIFTY"),
    ],
)
def test_a_sample_that_cannot_be_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    status, said = tickmart(monkeypatch, "sample", "--to", str(tmp_path), *arguments)
    assert status == 1
    assert words in said
    assert [*tmp_path.rglob("*.csv")] == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_on_which_no_list_was_fetched_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    status, said = tickmart(monkeypatch, "load", "kite-instruments", "--as-of", day, "x")
    assert status == 1
    assert f"--as-of {day} is no day on which a list was fetched" in said


def test_names_are_found_in_any_case_and_offered_where_they_are_spelt_alike() -> None:
    held = ["BANKNIFTY", "Nifty Midcap", "NIFTY"]
    assert names_held(["nifty", "NIFTY MIDCAP", "Nifty"], held) == ["NIFTY", "Nifty Midcap"]
    with pytest.raises(TickmartError) as unknown:
        names_held(["nfty", "%s'\"\\"], held)
    assert str(unknown.value) == (
        "no data of nfty, %s'\"\\ (did you mean NIFTY?); the marts hold BANKNIFTY, Nifty Midcap, NIFTY."
        " See: tickmart list"
    )


def test_names_are_printed_on_one_line_of_text() -> None:
    assert printable("a\nb\x1b[1m\udcff\ud800é") == r"a\nb\x1b[1m\xff\ud800é"
    assert local_path("~") == Path(os.path.expanduser("~"))
