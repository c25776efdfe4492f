"""What every source of text files does when a file comes again, grown or with other options."""

import gzip
import hashlib
import json
import threading
import zipfile
from pathlib import Path

import pytest
from loader_samples import FIXTURES, Sample, identify, kill_while_copying, on_insert, query, quiet, rejects_of

from loaders.landing import Outcome
from loaders.landing.reading_back import read_lines
from loaders.landing.unloading import unload
from loaders.sources import SOURCES

pytestmark = pytest.mark.usefixtures("database")


def _sample(source: str, layout: str) -> Sample:
    files = json.loads((FIXTURES / source / "expected.json").read_text())["files"]
    return Sample(SOURCES[source], next(name for name, of in files.items() if of["layout"] == layout))


# one layout whose lines end in a comma, and one without
@pytest.fixture(params=[_sample("nse-minute", "gfdl"), _sample("nse-bhavcopy", "legacy")], ids=identify)
def sample(request: pytest.FixtureRequest) -> Sample:
    sample: Sample = request.param
    return sample


def current(sample: Sample, path: Path, member: str = "") -> list[int]:
    """The loads that count for a file, oldest first."""
    uri = sample.uri(path) + member
    return [
        load_id
        for (load_id,) in query(
            "select load_id from audit.current_loads where uri = %s order by load_id", uri
        )
    ]


def landed(sample: Sample, path: Path, member: str = "") -> dict[int, tuple[str | None, ...]]:
    """File line -> values, of all loads that count for a file."""
    found: dict[int, tuple[str | None, ...]] = {}
    for load_id in current(sample, path, member):
        lines = sample.landed(load_id)
        assert not found.keys() & lines.keys()
        found |= lines
    return found


def grown(sample: Sample, path: Path, *texts: str) -> list[Outcome]:
    """Land a file as each text in turn."""
    outcomes = []
    for text in texts:
        path.write_text(text)
        outcomes.append(sample.land_one(path))
    return outcomes


def whole(sample: Sample, path: Path) -> dict[int, tuple[str | None, ...]]:
    """What the same bytes give under a name of their own, landed at once."""
    copy = path.with_name("whole" + path.name)
    copy.write_bytes(path.read_bytes())
    return sample.landed(sample.land_one(copy).load_id)


def test_only_the_new_lines_land_and_both_loads_stand(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    lines = sample.lines
    first, second, third = grown(
        sample, path, sample.text(*lines[:10]), sample.text(*lines[:15]), sample.text(*lines[:30])
    )

    assert [(o.status, o.rows, o.continues, o.restates) for o in (first, second, third)] == [
        ("loaded", 10, None, None),
        ("loaded", 5, first.load_id, None),
        ("loaded", 15, first.load_id, None),
    ]
    assert current(sample, path) == [first.load_id, second.load_id, third.load_id]
    assert landed(sample, path) == whole(sample, path)
    assert list(sample.landed(third.load_id)) == list(range(17, 32))
    assert query(
        "select sha256, bytes, rows, header_lines, continues_load_id from audit.loads where load_id = %s",
        third.load_id,
    ) == [(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, 15, 16, first.load_id)]


def test_the_same_bytes_after_an_append_write_nothing(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    _, second = grown(sample, path, sample.text(*sample.lines[:3]), sample.text(*sample.lines[:5]))

    again = sample.land_one(path)

    assert (again.status, again.load_id) == ("already loaded", second.load_id)
    assert len(current(sample, path)) == 2


def test_rejects_and_blank_lines_keep_the_lines_of_the_file(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    lines = sample.lines
    before = sample.text(lines[0], "bad", "", lines[1], "", "")
    _, second = grown(sample, path, before, before + f"{lines[2]}\nworse\n\n{lines[3]}\n")

    assert (second.rows, second.rejected, second.blank) == (2, 1, 1)
    assert [(line, text) for line, text, _ in rejects_of(second.load_id)] == [(9, "worse")]
    assert list(sample.landed(second.load_id)) == [8, 11]
    assert landed(sample, path) == whole(sample, path)


def test_a_file_that_gains_only_blank_lines_or_rejects_continues_too(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    text = sample.text(*sample.lines[:3])
    first, second, third, fourth = grown(
        sample, path, text, f"{text}\n", f"{text}\nbad\n", f"{text}\nbad\n{sample.lines[3]}\n"
    )

    assert [(o.status, o.rows, o.rejected, o.continues) for o in (second, third, fourth)] == [
        ("empty", 0, 0, first.load_id),
        ("loaded", 0, 1, first.load_id),
        ("loaded", 1, 0, first.load_id),
    ]
    assert second.notes[0] == "no new rows"
    assert landed(sample, path) == whole(sample, path)


def test_a_header_alone_is_continued(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    first, second = grown(sample, path, sample.text(), sample.text(*sample.lines[:4]))

    assert (first.status, second.continues, second.rows) == ("empty", first.load_id, 4)
    assert landed(sample, path) == whole(sample, path)


@pytest.mark.parametrize("cut", ["a line", "a value", "a header"])
def test_a_last_line_without_its_end_is_no_beginning(sample: Sample, tmp_path: Path, cut: str) -> None:
    path = tmp_path / "day.csv"
    text = sample.text(*sample.lines[:3])
    shorter = {"a line": text[:-1], "a value": text[:-3], "a header": sample.header}[cut]
    first, second = grown(sample, path, shorter, text)

    assert (second.status, second.rows, second.continues, second.restates) == (
        "loaded",
        3,
        None,
        first.load_id,
    )
    assert current(sample, path) == [second.load_id]


def test_a_line_without_its_end_lands_with_what_was_gained_and_is_told_anew_later(
    sample: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    lines = sample.lines
    first, second, third = grown(
        sample, path, sample.text(*lines[:2]), sample.text(*lines[:4])[:-1], sample.text(*lines[:6])
    )

    assert (second.rows, second.continues) == (2, first.load_id)
    assert (third.rows, third.continues, third.restates) == (6, None, second.load_id)
    assert current(sample, path) == [third.load_id]


@pytest.mark.parametrize("change", ["shrunk", "changed at its beginning", "changed and grown"])
def test_other_bytes_restate_the_whole_with_all_that_continued_it(
    sample: Sample, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "day.csv"
    lines = sample.lines
    text = {
        "shrunk": sample.text(*lines[:4]),
        "changed at its beginning": sample.text(lines[9], *lines[1:6]),
        "changed and grown": sample.text(lines[9], *lines[1:8]),
    }[change]
    _, second, third = grown(sample, path, sample.text(*lines[:3]), sample.text(*lines[:6]), text)

    assert (third.rows, third.continues, third.restates) == (text.count("\n") - 1, None, second.load_id)
    assert current(sample, path) == [third.load_id]
    assert landed(sample, path) == whole(sample, path)


def test_force_lands_a_grown_file_whole(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    (first,) = grown(sample, path, sample.text(*sample.lines[:3]))
    path.write_text(sample.text(*sample.lines[:5]))

    second = sample.land_one(path, force=True)

    assert (second.rows, second.continues, second.restates) == (5, None, first.load_id)


def test_a_compressed_file_is_continued_by_what_it_holds(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(sample.text(*sample.lines[:3]).encode()))
    first = sample.land_one(path)
    path.write_bytes(gzip.compress(sample.text(*sample.lines[:7]).encode(), 1))

    second = sample.land_one(path)

    assert (second.rows, second.continues) == (4, first.load_id)
    assert landed(sample, path) == whole(sample, path)
    assert sample.land_one(path).status == "already loaded"


def test_a_member_of_an_archive_is_continued_and_the_others_are_left_alone(
    sample: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "days.zip"
    for count in (3, 7):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("1.csv", sample.text(*sample.lines[20:22]))
            archive.writestr("2.csv", sample.text(*sample.lines[:count]))
        outcomes = sample.land([path]).outcomes

    assert [(o.status, o.rows, o.continues is not None) for o in outcomes] == [
        ("already loaded", 0, False),
        ("loaded", 4, True),
    ]
    uri = path.as_uri() + "!2.csv"
    assert len(query("select 1 from audit.current_loads where uri = %s", uri)) == 2


def test_line_ends_and_marks_of_other_systems_are_continued_as_they_began(
    sample: Sample, tmp_path: Path
) -> None:
    lines = sample.lines
    for number, (mark, end, continues) in enumerate(
        [(b"\xef\xbb\xbf", "\r\n", True), (b"", "\r", True), (b"\xff\xfe", "\n", False)]
    ):
        path = tmp_path / f"{number}.csv"
        encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-8"
        for count in (3, 7):
            text = sample.text(*lines[:count]).replace("\n", end)
            path.write_bytes(mark + text.encode(encoding))
            outcome = sample.land_one(path)

        assert (outcome.continues is not None, outcome.rows) == (continues, 4 if continues else 7)
        assert landed(sample, path) == whole(sample, path)


def test_a_line_end_cut_in_two_is_no_beginning(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    text = sample.text(*sample.lines[:5]).replace("\n", "\r\n")
    path.write_bytes(text[:-1].encode())
    sample.land_one(path)
    path.write_bytes((text + sample.lines[5] + "\r\n").encode())

    outcome = sample.land_one(path)

    assert (outcome.rows, outcome.continues) == (6, None)


def test_the_same_grown_file_at_once_lands_once(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    (first,) = grown(sample, path, sample.text(*sample.lines * 100))
    path.write_text(sample.text(*sample.lines * 200))
    start = threading.Barrier(4)
    outcomes: list[Outcome] = []

    def work() -> None:
        start.wait()
        outcomes.append(sample.land_one(path))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(o.status for o in outcomes) == ["already loaded"] * 3 + ["loaded"]
    assert {o.continues for o in outcomes if o.status == "loaded"} == {first.load_id}
    assert len(landed(sample, path)) == len(sample.lines) * 200


def test_an_append_killed_midway_leaves_what_was_there_and_can_be_repeated(
    sample: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    (first,) = grown(sample, path, sample.text(*sample.lines))
    lines = sample.lines * (100_000 // len(sample.lines))
    path.write_text(sample.text(*lines))
    on_insert(sample, "if new._line % 10000 = 0 then perform pg_sleep(0.3); end if;")
    kill_while_copying(sample, path, after_rows=15_000)
    quiet(sample)

    assert current(sample, path) == [first.load_id]
    outcome = sample.land_one(path)
    assert (outcome.rows, outcome.continues) == (len(lines) - len(sample.lines), first.load_id)
    assert list(landed(sample, path)) == list(range(2, len(lines) + 2))


def test_unloading_takes_what_continues_a_load_with_it(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    lines = sample.lines
    loads = grown(
        sample,
        path,
        sample.text(lines[20]),
        *(sample.text(*lines[:count]) for count in (3, 6, 9, 12)),
    )
    older, first, second, third, fourth = (outcome.load_id for outcome in loads)
    assert older is not None
    assert first is not None
    assert third is not None

    results = unload([third])

    assert [(r.load_id, r.rows, r.went_with, r.stands_now) for r in results] == [
        (third, 3, None, None),
        (fourth, 3, third, None),
    ]
    assert current(sample, path) == [first, second]
    assert [(r.load_id, r.already) for r in unload([third])] == [(third, True)]
    # what was taken back is gained anew
    again = sample.land_one(path)
    assert (again.rows, again.continues) == (6, first)

    results = unload([again.load_id or 0, first])

    assert [(r.load_id, r.went_with, r.stands_now) for r in results] == [
        (again.load_id, None, None),
        (first, None, older),
        (second, first, None),
    ]
    assert current(sample, path) == [older]


def test_lines_of_every_part_are_read_back_from_the_grown_file(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    grown(sample, path, sample.text(*sample.lines[:3]), sample.text(*sample.lines[:6]))

    for load_id, line in zip(current(sample, path), (4, 7), strict=True):
        ((sha256, size),) = query("select sha256, bytes from audit.loads where load_id = %s", load_id)
        read = read_lines(sample.uri(path), sha256, size, [line], sample.source.suffixes)
        assert (read.problem, read.texts) == (None, {line: sample.lines[line - 2]})
