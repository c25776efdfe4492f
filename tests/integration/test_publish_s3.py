"""The way out to S3, with a server that fails at every single request."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from faulty_s3 import Fault, FaultyS3, faulty_proxy, through
from publications import LONG_AGO, NEW, OLD, contents, differing, publish, read_published, undated, version

from exporters.publish import (
    ChangedMeanwhileError,
    Publication,
    Store,
    copy_published,
    open_store,
    read_manifest,
)
from exporters.publish.bucket import Bucket
from warehouse.errors import TickmartError

pytest_plugins = ["s3_server"]
FOR_EVER = 10_000


@pytest.fixture
def faulty_s3(s3_server: str) -> Iterator[FaultyS3]:
    with faulty_proxy(s3_server) as proxy:
        yield proxy


def prepared(uri: str) -> Store:
    """Return a destination with the old version, and something staged that is to be cleared."""
    store = open_store(uri)
    publish(store, OLD)
    store.write(LONG_AGO, b"", "")
    return store


def kind(request: str) -> str:
    """Return a request without what differs from export to export."""
    method, address = request.split()
    path, _, query = address.partition("?")
    return f"{method} {'staged' if '.staging' in path else path.split('/', 3)[-1]} {query.split('=')[0]}"


def undisturbed_requests(proxy: FaultyS3, uri: str) -> list[str]:
    prepared(uri)
    proxy.arm()
    publish(through(proxy, uri), NEW)
    return list(proxy.requests)


@pytest.mark.parametrize(
    ("fault", "until", "seen_old", "seen_new"),
    [("refuse", None, 9, 13), ("drop", FOR_EVER, 9, 13), ("lose", None, 8, 14)],
    ids=["one answered 500", "none heard from then on", "one done and its answer lost"],
)
def test_an_export_that_fails_at_any_request_shows_one_whole_version_and_is_completed(
    s3_bucket: str, faulty_s3: FaultyS3, fault: Fault, until: int | None, seen_old: int, seen_new: int
) -> None:
    requests = undisturbed_requests(faulty_s3, f"{s3_bucket}/undisturbed")
    undisturbed = open_store(f"{s3_bucket}/undisturbed")
    seen, failed = [], []
    for number in range(1, len(requests) + 1):
        uri = f"{s3_bucket}/{number}"
        store = prepared(uri)
        faulty_s3.arm(fault, number, until)

        with pytest.raises(TickmartError) as caught:
            publish(through(faulty_s3, uri), NEW)

        assert len(str(caught.value).splitlines()) == 1
        failed.append(kind(faulty_s3.requests[number - 1]))
        seen.append(version(store) == NEW)
        listed = contents(store)
        assert all(data in (OLD.get(path), NEW.get(path)) for path, data in listed.items())
        assert not {"b/b.csv", "c/c.csv"} <= set(listed)

        publish(store, NEW)

        assert contents(store) == NEW
        assert undated(read_manifest(store)) == undated(read_manifest(undisturbed))
        assert LONG_AGO.split("/")[1] not in store.children(".staging")
    assert failed == [kind(request) for request in requests]
    # before and after the write of the manifest that is the commit
    assert seen == [False] * seen_old + [True] * seen_new


def test_an_answer_that_is_lost_and_asked_for_again_fails_nothing(
    s3_bucket: str, faulty_s3: FaultyS3
) -> None:
    requests = undisturbed_requests(faulty_s3, f"{s3_bucket}/undisturbed")
    for number in range(1, len(requests) + 1):
        uri = f"{s3_bucket}/{number}"
        store = prepared(uri)
        faulty_s3.arm("lose", number)

        outcome = publish(through(faulty_s3, uri, attempts=3), NEW)

        assert (outcome.written, outcome.unchanged, outcome.removed) == (3, 1, 1)
        assert contents(store) == version(store) == NEW


def test_of_two_exports_at_once_the_one_that_commits_second_is_refused(s3_bucket: str) -> None:
    store = prepared(s3_bucket)

    def second() -> None:
        with Publication(open_store(s3_bucket), "flat") as slow:
            slow.claim("NIFTY", "2025-03")
            slow.put("late.csv", lambda: b"late", rows=1, underlying="NIFTY", partition="2025-03")
            publish(store, NEW)
            slow.commit({})

    with pytest.raises(ChangedMeanwhileError, match=r"another export wrote to .* Run this export again"):
        second()

    assert contents(store) == version(store) == NEW
    assert store.read("late.csv") is None


def test_an_export_that_another_took_for_dead_overwrites_nothing_of_it(
    s3_bucket: str, faulty_s3: FaultyS3
) -> None:
    store, newer = prepared(s3_bucket), {**NEW, "c/c.csv": b"newer c"}
    # once the first file is copied
    faulty_s3.interrupt("HEAD", "/a.csv", lambda: publish(store, newer))

    with pytest.raises(ChangedMeanwhileError):
        publish(through(faulty_s3, s3_bucket), NEW)

    assert contents(store) == read_published(store)[1] == newer


def test_an_export_whose_staged_files_were_cleared_commits_nothing(s3_bucket: str) -> None:
    store = prepared(s3_bucket)
    before = set(store.children(".staging"))

    def cleared() -> None:
        with Publication(open_store(s3_bucket), "flat") as slow:
            slow.put("late.csv", lambda: b"late", rows=1, underlying="NIFTY", partition="2025-03")
            slow.settle()
            (its_own,) = set(store.children(".staging")) - before
            store.clear(f".staging/{its_own}")
            slow.commit({})

    with pytest.raises(TickmartError, match=r"was cleared in part: .* Run this export again\."):
        cleared()

    assert contents(store) == version(store) == OLD


def test_a_copy_made_while_another_export_writes_holds_files_of_one_export(
    s3_bucket: str, faulty_s3: FaultyS3, tmp_path: Path
) -> None:
    store, newer = open_store(s3_bucket), {**NEW, "kept.csv": b"newer"}
    publish(store, OLD)
    faulty_s3.interrupt("GET", "/kept.csv", lambda: publish(store, newer))

    manifest = copy_published(through(faulty_s3, s3_bucket), tmp_path)

    assert manifest == read_manifest(store)
    copies = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert copies == newer
    assert "b" not in [path.name for path in tmp_path.iterdir()]


def test_of_two_first_exports_at_once_the_one_that_commits_second_is_refused(s3_bucket: str) -> None:
    store = open_store(s3_bucket)

    def second() -> None:
        with Publication(open_store(s3_bucket), "flat") as slow:
            publish(store, NEW)
            slow.commit({})

    with pytest.raises(ChangedMeanwhileError):
        second()

    assert contents(store) == version(store) == NEW


@pytest.mark.parametrize("answer", ["ignores_conditions", "refuses_conditions"])
def test_a_server_without_conditional_writes_is_written_to_all_the_same(
    s3_bucket: str, faulty_s3: FaultyS3, answer: str
) -> None:
    setattr(faulty_s3, answer, True)
    store = through(faulty_s3, s3_bucket)

    publish(store, OLD)
    publish(store, NEW)

    assert contents(store) == version(store) == NEW


def test_a_large_file_is_copied_in_parts(s3_bucket: str, faulty_s3: FaultyS3) -> None:
    large = {"kept.csv": bytes(range(256)) * 64 * 1024}  # 16 MiB
    store = through(faulty_s3, s3_bucket)
    assert isinstance(store, Bucket)
    store.copy_limit = 10 * 1024 * 1024

    publish(store, large)

    copied = [one for one in faulty_s3.requests if one.startswith("PUT") and "kept.csv" in one]
    assert len(copied) == 2
    assert all("partNumber" in one for one in copied)
    assert read_published(s3_bucket)[1] == large
    assert differing(open_store(s3_bucket)) == []


def test_an_unchanged_export_writes_nothing(s3_bucket: str, faulty_s3: FaultyS3) -> None:
    publish(s3_bucket, NEW)

    outcome = publish(through(faulty_s3, s3_bucket), NEW)

    assert (outcome.written, outcome.unchanged, outcome.removed) == (0, 4, 0)
    assert {request.split()[0] for request in faulty_s3.requests} == {"GET", "HEAD"}


def test_what_was_staged_stays_a_day_and_then_goes(s3_bucket: str) -> None:
    store = prepared(s3_bucket)
    first = read_manifest(store)
    assert first is not None

    publish(store, NEW)

    second = read_manifest(store)
    assert second is not None
    assert store.children(".staging") == sorted([str(first.generation), str(second.generation)])


def test_a_manifest_that_somebody_else_wrote_is_refused(s3_bucket: str) -> None:
    client = boto3.client("s3", endpoint_url=Bucket(s3_bucket)._client.meta.endpoint_url)
    client.put_object(Bucket=s3_bucket.removeprefix("s3://"), Key="manifest.json", Body=b'{"files": []}')

    with pytest.raises(TickmartError, match="is not a manifest of tickmart"):
        publish(s3_bucket, NEW)

    assert contents(open_store(s3_bucket)) == {}
