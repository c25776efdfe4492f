"""What every source does when a file comes again, changed or not, and when a load is taken back."""

import shutil
import threading
from pathlib import Path

import pytest
from loader_samples import Sample, query
from sqlalchemy import URL

from loaders.landing import Outcome
from loaders.landing.unloading import unload
from warehouse.errors import TickmartError

pytestmark = pytest.mark.usefixtures("database")


def touched(sample: Sample) -> list[tuple[object, ...]]:
    """A state in which every written row shows: every row's transaction, and the numbers of rows."""
    return [
        *query(f"select count(*), max(xmin::text::bigint) from {sample.table}"),
        *query("select count(*), max(xmin::text::bigint) from audit.loads"),
        *query("select count(*), max(xmin::text::bigint) from audit.rejects"),
    ]


def at_once(sample: Sample, paths: list[Path]) -> list[Outcome]:
    """Land each path in a thread of its own, all at once."""
    start = threading.Barrier(len(paths))
    outcomes: list[Outcome] = []

    def work(path: Path) -> None:
        start.wait()
        outcomes.extend(sample.land([path]).outcomes)

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_same_bytes_again_write_nothing(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    first = sample.land_one(path)
    before = touched(sample)
    again = sample.land_one(path)
    assert (again.status, again.load_id, again.rows) == ("already loaded", first.load_id, 0)
    assert touched(sample) == before


@pytest.mark.transport
def test_force_lands_the_same_bytes_again(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    first = sample.land_one(path)
    second = sample.land_one(path, force=True)
    assert (second.status, second.rows, second.restates) == ("loaded", len(sample.lines), first.load_id)


def test_new_bytes_restate_the_earlier_load(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    first = sample.land_one(path)
    path.write_text(sample.text(*sample.lines[1:]))
    second = sample.land_one(path)
    assert (second.rows, second.restates) == (len(sample.lines) - 1, first.load_id)
    assert query("select load_id from audit.current_loads where uri = %s", sample.uri(path)) == [
        (second.load_id,)
    ]


@pytest.mark.transport
def test_going_back_to_earlier_bytes_is_a_restatement_too(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    for text in (sample.clean, sample.text(sample.lines[1])):
        path.write_text(text)
        outcome = sample.land_one(path)
    path.write_text(sample.clean)
    back = sample.land_one(path)
    assert (back.status, back.restates) == ("loaded", outcome.load_id)


@pytest.mark.transport
def test_the_same_bytes_under_another_name_land_with_a_note(sample: Sample, tmp_path: Path) -> None:
    first = tmp_path / "first.csv"
    first.write_text(sample.text(*sample.lines[3:]))
    earlier = sample.land_one(first)
    second = tmp_path / "second.csv"
    shutil.copy(first, second)
    outcome = sample.land_one(second)
    assert (outcome.status, outcome.rows) == ("loaded", len(sample.lines) - 3)
    assert outcome.notes == (f"the same bytes as load {earlier.load_id} ({sample.uri(first)})",)


@pytest.mark.transport
def test_a_link_is_the_file_it_leads_to(sample: Sample, tmp_path: Path) -> None:
    path, link = tmp_path / "day.csv", tmp_path / "link.csv"
    path.write_text(sample.clean)
    link.symlink_to(path)
    sample.land_one(path)
    assert sample.land_one(link).status == "already loaded"


@pytest.mark.transport
def test_a_failed_load_is_tried_again(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("")
    assert sample.land_one(path).status == "failed"
    path.write_text(sample.clean)
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.restates) == ("loaded", None)


@pytest.mark.transport
def test_the_same_file_at_once_lands_once(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.text(*sample.lines * 200))
    outcomes = at_once(sample, [path] * 4)
    assert sorted(outcome.status for outcome in outcomes) == ["already loaded"] * 3 + ["loaded"]
    assert len({outcome.load_id for outcome in outcomes}) == 1


@pytest.mark.transport
def test_files_at_once_keep_their_lines(sample: Sample, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(4)]
    for number, path in enumerate(paths):
        lines = [f"{number}.{i}" + line[line.index(",") :] for i, line in enumerate(sample.lines * 60)]
        path.write_text(sample.text(*["bad"] * (number % 2), *lines))
    for outcome in at_once(sample, paths):
        number = Path(outcome.name).stem
        first = 2 + int(number) % 2
        expected = {first + i: f"{number}.{i}" for i in range(len(sample.lines) * 60)}
        assert {line: row[0] for line, row in sample.landed(outcome.load_id).items()} == expected


def test_unloading_takes_rows_and_rejects_back_and_lets_the_earlier_load_stand(
    sample: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    first = sample.land_one(path)
    path.write_text(sample.text("bad", sample.lines[0]))
    second = sample.land_one(path)
    assert second.load_id is not None
    (result,) = unload([second.load_id])
    assert (result.rows, result.rejects, result.already, result.stands_now) == (1, 1, False, first.load_id)
    assert sample.landed(second.load_id) == {}
    assert query("select count(*) from audit.rejects where load_id = %s", second.load_id) == [(0,)]
    assert query("select unloaded_at is not null from audit.loads where load_id = %s", second.load_id) == [
        (True,)
    ]
    assert len(sample.landed(first.load_id)) == len(sample.lines)
    (again,) = unload([second.load_id])
    assert (again.already, again.rows) == (True, 0)


@pytest.mark.transport
def test_an_unloaded_file_can_be_landed_again(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    first = sample.land_one(path)
    assert first.load_id is not None
    unload([first.load_id])
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.restates) == ("loaded", len(sample.lines), None)


@pytest.mark.transport
def test_unloading_refuses_all_where_it_cannot_do_one(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("")
    failed = sample.land_one(path).load_id
    path.write_text(sample.clean)
    loaded = sample.land_one(path).load_id
    assert loaded is not None
    assert failed is not None
    with pytest.raises(TickmartError, match="there is no load 987654; see: tickmart loads"):
        unload([loaded, 987_654])
    with pytest.raises(TickmartError, match=f"load {failed} failed, so there is nothing to take back"):
        unload([loaded, failed])
    assert len(sample.landed(loaded)) == len(sample.lines)


@pytest.mark.transport
def test_raw_tables_are_made_once_by_many_at_once(
    sample: Sample, tmp_path: Path, fresh_database: URL
) -> None:
    query(f"drop table {sample.table}")
    paths = [tmp_path / f"{number}.csv" for number in range(6)]
    for path in paths:
        path.write_text(sample.clean)
    assert [outcome.status for outcome in at_once(sample, paths)] == ["loaded"] * 6
