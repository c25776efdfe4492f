"""What is wrong with what tickmart stands on is said with what mends it."""

import json
import socket
from pathlib import Path

import pytest
from built_warehouse import PROJECT_FOLDER, tickmart
from sqlalchemy import URL

pytest_plugins = ["s3_server"]


def examined(status: int = 0, **environment: str) -> dict[str, dict[str, str]]:
    findings = json.loads(tickmart("doctor", "--json", status=status, **environment).stdout)
    return {finding["what"]: finding for finding in findings}


def a_closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_database_that_waits_for_a_build_is_said_to(built_database: URL) -> None:
    before = examined()
    tickmart("load", "nse-index", PROJECT_FOLDER / "tests/fixtures/nse-index/closes.csv")
    after = examined()

    assert before["server"]["state"] == before["schema"]["state"] == before["marts"]["state"] == "good"
    assert before["server"]["found"].startswith("PostgreSQL ")
    assert (before["calendar"]["state"], before["calendar"]["found"]) == (
        "good",
        "published until 2026-12-31",
    )
    assert (after["marts"]["found"], after["marts"]["fix"]) == ("1 load waits for a build", "tickmart build")


def test_a_server_that_is_not_there_is_broken(built_database: URL) -> None:
    address = f"postgresql://nobody:secret-word@127.0.0.1:{a_closed_port()}/none"

    found = examined(1, TICKMART_DATABASE_URL=address)

    assert found["server"]["state"] == "broken"
    assert "secret-word" not in json.dumps(found)


def test_a_server_that_was_never_started_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKMART_DATABASE_URL", raising=False)

    found = examined(1, TICKMART_STATE_FOLDER=str(tmp_path))

    assert (found["server"]["state"], found["server"]["fix"]) == ("broken", "tickmart db start")


def test_a_schedule_on_a_server_that_does_not_answer_is_broken(built_database: URL) -> None:
    found = examined(1, PREFECT_API_URL=f"http://127.0.0.1:{a_closed_port()}/api")

    assert (found["schedule"]["state"], found["schedule"]["fix"]) == ("broken", "prefect server start")


def test_an_s3_that_answers_is_good_and_one_that_does_not_is_broken(
    built_database: URL, s3_bucket: str
) -> None:
    assert examined()["S3"]["state"] == "good"
    gone = f"http://127.0.0.1:{a_closed_port()}"
    assert examined(1, TICKMART_S3_ENDPOINT_URL=gone, AWS_MAX_ATTEMPTS="1")["S3"]["state"] == "broken"
