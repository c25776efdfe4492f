"""What every source does with a file in which something is wrong."""

import gzip
import os
import subprocess
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loader_samples import Sample, of_known_layouts, query, rejects_of

from loaders.landing.checking import check
from loaders.landing.lines import LONGEST_LINE
from loaders.layouts import choose
from loaders.sources import SOURCES

pytestmark = pytest.mark.usefixtures("database")


def error_of(sample: Sample, path: Path) -> str:
    """Land a file that must fail, and check that it left nothing but its row of the ledger."""
    rows_before = query(f"select count(*) from {sample.table}")
    outcome = sample.land_one(path)
    assert outcome.status == "failed"
    assert query(f"select count(*) from {sample.table}") == rows_before
    assert query(
        "select uri, status, rows, rejected, error from audit.loads where load_id = %s", outcome.load_id
    ) == [(outcome.uri, "failed", 0, 0, outcome.error)]
    assert "\n" not in str(outcome.error)
    return str(outcome.error)


def test_lines_that_do_not_split_are_rejected_and_the_rest_lands(sample: Sample, tmp_path: Path) -> None:
    good = sample.lines[0]
    too_few, too_many = "a,b,c", good + ",surplus"
    quoted = '"' + good
    path = tmp_path / "mixed.csv"
    path.write_text(
        sample.text(
            good, too_few, good, too_many, quoted, "", "  ", "\\.", good, "nul\0" + good, "x\ry", good
        )
        + "\n\n"
    )
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.rejected, outcome.blank) == ("loaded", 4, 6, 4)
    assert list(sample.landed(outcome.load_id)) == [2, 4, 10, 13]
    assert rejects_of(outcome.load_id) == [
        (3, too_few, f"3 fields where the header has {sample.fields}"),
        (5, too_many, f"{sample.fields + 1} fields where the header has {sample.fields}"),
        (6, quoted, "unbalanced quote"),
        (9, "\\.", f"1 field where the header has {sample.fields}"),
        (11, "nul\\x00" + good, "NUL byte in the line"),
        (12, "x\ry", "carriage return inside the line"),
    ]


@pytest.mark.transport
def test_lines_stay_right_behind_a_file_with_rejects(sample: Sample, tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        path.write_text(sample.text("bad", *sample.lines) if number % 2 else sample.clean)
        outcome = sample.land_one(path)
        first = 3 if number % 2 else 2
        assert list(sample.landed(outcome.load_id)) == list(range(first, first + len(sample.lines)))


def test_a_file_cut_within_a_row_lands_up_to_there(sample: Sample, tmp_path: Path) -> None:
    cut = ",".join(sample.lines[-1].split(",")[:5])[:-1]
    path = tmp_path / "cut.csv"
    path.write_text(sample.text(*sample.lines[:-1]) + cut)
    outcome = sample.land_one(path)
    assert (outcome.rows, outcome.rejected) == (len(sample.lines) - 1, 1)
    reason = f"cut: the last line has 5 of {sample.fields} fields and no line end"
    assert rejects_of(outcome.load_id) == [(len(sample.lines) + 1, cut, reason)]


@pytest.mark.transport
def test_a_line_break_within_quotes_is_two_bad_lines_not_one_lost_row(sample: Sample, tmp_path: Path) -> None:
    good = sample.lines[0]
    path = tmp_path / "broken.csv"
    path.write_text(sample.text(good, '"two', 'lines"' + good[good.index(",") :], good))
    outcome = sample.land_one(path)
    assert (outcome.rows, outcome.rejected) == (2, 2)
    assert [(line, reason) for line, _, reason in rejects_of(outcome.load_id)] == [
        (3, "unbalanced quote"),
        (4, "unbalanced quote"),
    ]


@pytest.mark.transport
def test_a_line_without_end_is_not_taken_into_memory(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(sample.text(sample.lines[0], "x" * (3 * LONGEST_LINE), sample.lines[1]))
    outcome = sample.land_one(path)
    assert list(sample.landed(outcome.load_id)) == [2, 4]
    assert rejects_of(outcome.load_id) == [(3, "x" * 1000, f"longer than {LONGEST_LINE:,} bytes")]


@pytest.mark.transport
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_line_that_copy_would_take_is_rejected_beyond_the_longest(
    sample: Sample, tmp_path: Path, end: str, quote: str
) -> None:
    # with so many lines before them, the long lines lie across other chunks of what is read
    _, rest = sample.lines[0].split(",", 1)
    around = len(f"{quote}{quote},{rest}")
    longest = f"{quote}{'x' * (LONGEST_LINE - around)}{quote},{rest}"
    path = tmp_path / "long.csv"
    for before in (1, 30_000):
        lines = [
            *[sample.lines[0]] * before,
            longest,
            "x" + longest if not quote else quote + "x" + longest[1:],
        ]
        path.write_bytes(sample.text(*lines, sample.lines[0]).replace("\n", end).encode())
        outcome = sample.land_one(path)
        (verdict,) = check(sample.source.name, [path], as_of=sample.as_of)
        assert (outcome.rows, outcome.rejected) == (verdict.rows, verdict.rejected) == (before + 2, 1)
        assert [(line, reason) for line, _, reason in rejects_of(outcome.load_id)] == [
            (before + 3, f"longer than {LONGEST_LINE:,} bytes")
        ]


@pytest.mark.transport
@pytest.mark.parametrize(("end", "other"), [("\n", "\r"), ("\r\n", "\r"), ("\r", "\n")])
def test_a_line_end_of_another_kind_within_quotes_is_no_value(
    sample: Sample, tmp_path: Path, end: str, other: str
) -> None:
    broken = '"a\vb"' + sample.lines[0][sample.lines[0].index(",") :]
    path = tmp_path / "broken.csv"
    many = [sample.lines[0]] * (100_000 // len(sample.lines[0]))
    text = sample.text(*many, broken, sample.lines[0]).replace("\n", end).replace("\v", other)
    path.write_bytes(text.encode())
    outcome = sample.land_one(path)
    (verdict,) = check(sample.source.name, [path], as_of=sample.as_of)
    assert (outcome.rows, outcome.rejected) == (verdict.rows, verdict.rejected) == (len(many) + 1, 1)


@pytest.mark.transport
def test_blank_lines_are_counted_and_every_line_is_accounted_for(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    for text in (
        sample.text(*sample.lines, "", "  ", ""),
        sample.text("", sample.lines[0], "\t", "", "bad", "", sample.lines[1]) + "\n \n",
        sample.text("", ""),
        sample.text(sample.lines[0], "")[:-1] + " ",
    ):
        path.write_text(text)
        outcome = sample.land_one(path, force=True)
        ((held,),) = query(
            "select jsonb_build_object('rows', rows, 'rejected', rejected, 'blank', blank_lines,"
            " 'header', header_lines) from audit.loads where load_id = %s",
            outcome.load_id,
        )
        assert sum(held.values()) == len(text.splitlines())
        assert held["blank"] == sum(not line.strip() for line in text.splitlines()) == outcome.blank
        assert held["rows"] == len(sample.landed(outcome.load_id))
        assert held["rejected"] == len(rejects_of(outcome.load_id))


@pytest.mark.transport
def test_millions_of_blank_lines_are_one_count(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text(sample.text(sample.lines[0]) + "\n" * 3_000_000 + sample.lines[1] + "\n")
    outcome = sample.land_one(path)
    assert (outcome.rows, outcome.rejected, outcome.blank) == (2, 0, 3_000_000)
    assert list(sample.landed(outcome.load_id)) == [2, 3_000_003]
    assert outcome.notes == ("3,000,000 blank lines",)


@pytest.mark.transport
def test_a_file_of_nothing_but_rejects_lands_no_row(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "all bad.csv"
    path.write_text(sample.text(*["bad"] * 3000))
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.rejected) == ("loaded", 0, 3000)
    assert [line for line, _, _ in rejects_of(outcome.load_id)] == list(range(2, 3002))


@pytest.mark.transport
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_line_is_ever_lost(sample: Sample, tmp_path: Path, data: st.DataObject) -> None:
    junk = st.lists(st.sampled_from(['"', ",", "\\", ".", "a", " ", "é", "\0", "\r"]), max_size=6).map(
        "".join
    )
    whole = st.sampled_from(sample.lines)
    lines = data.draw(
        st.lists(st.one_of(junk, whole, st.tuples(whole, junk).map("".join)), min_size=1, max_size=8)
    )
    ended = data.draw(st.booleans())
    text = "\n".join([sample.header, "a" + lines[0], *lines[1:], "b"]) + "\n" * ended
    path = tmp_path / "any.csv"
    path.write_bytes(text.encode(data.draw(st.sampled_from(["utf-8", "latin-1"]))))
    outcome = sample.land_one(path, force=True)
    assert outcome.status == "loaded"
    landed = list(sample.landed(outcome.load_id))
    rejected = [line for line, _, _ in rejects_of(outcome.load_id)]
    blank = [number for number, line in enumerate(text.split("\n"), start=1) if not line.strip()]
    assert len(blank) - ended == outcome.blank
    assert sorted(landed + rejected + blank[: outcome.blank]) == list(range(2, len(lines) + 3))
    (verdict,) = check(sample.source.name, [path], as_of=sample.as_of)
    assert (verdict.rows, verdict.rejected, verdict.blank) == (
        outcome.rows,
        outcome.rejected,
        outcome.blank,
    )


@pytest.mark.known_layouts
def test_an_unknown_header_names_what_was_found_and_what_is_known(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "unknown.csv"
    path.write_text("Symbol,Price\nA,1\n")
    error = error_of(sample, path)
    assert error.startswith('unknown layout in unknown.csv: 2 columns starting "Symbol,Price"')
    for layout in sample.source.layouts:
        assert f"{layout.name} ({len(layout.header())} columns)" in error
    for source in SOURCES.values():
        assert (f"{source.name}: {source.layouts[0].name} (" in error) == (source.recognise is None)
    assert "Try: tickmart load --list-layouts; or" in error
    assert error.endswith("tickmart load csv")


@pytest.mark.known_layouts
def test_a_file_of_another_source_is_told_with_the_command_that_loads_it(
    sample: Sample, tmp_path: Path
) -> None:
    path = tmp_path / "a day's file.csv"
    for other in of_known_layouts():
        if choose(other.header.split(","), sample.source.layouts) is None:
            path.write_text(other.clean)
            error = error_of(sample, path)
            as_of = " --as-of YYYY-MM-DD" if other.source.undated else ""
            assert f"{other.layout.name} of {other.source.name}" in error.partition("Try:")[0]
            assert f"tickmart load {other.source.name}{as_of} '{tmp_path}/a day'\"'\"'s file.csv'" in error


@pytest.mark.known_layouts
def test_a_header_that_nearly_fits_says_what_is_different(sample: Sample, tmp_path: Path) -> None:
    names = sample.header.split(",")
    path = tmp_path / "nearly.csv"
    path.write_text(sample.clean.replace(names[3], "Something", 1))
    assert f"lacks {names[3].strip()} and adds Something" in error_of(sample, path)
    path.write_text(sample.clean.replace(names[3], names[2], 1))
    assert f"({names[2].strip()} more than once)" in error_of(sample, path)


def test_files_of_other_layouts_are_refused(sample: Sample) -> None:
    for name, start in sample.expected["refused"].items():
        assert f'starting "{start}' in error_of(sample, sample.folder / name)


@pytest.mark.transport
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n\r\n", "holds only blank lines"),
        (b"\xef\xbb\xbf", "holds only blank lines"),
        (b"\n<!DOCTYPE html><html><body>503</body></html>", "is an HTML or XML page, not a CSV file"),
        (b"\x00\x01\x02\n", "is binary, not a CSV file"),
        (b"x" * 100_000, "has no line end in its first 65,536 bytes"),
        (b"7z\xbc\xaf\x27\x1c rest", "is 7z, which cannot be read here"),
        (b"PK\x05\x06" + bytes(18), "holds no data file"),
        # without the time of day, which would give the test another name in each process
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-9], "is cut or damaged"),
        (gzip.compress(b"", mtime=0)[:5], "is cut or damaged"),
        (zstandard.compress(b"a,b\n1,2\n" * 999)[:-9], "is cut or damaged"),
        (b"PAR1 and no more", "is no whole Parquet file"),
    ],
)
def test_what_is_no_csv_is_one_clear_error(
    sample: Sample, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    error = error_of(sample, path)
    assert error.startswith("thing.csv ")
    assert words in error


@pytest.mark.transport
def test_a_gzip_file_cut_behind_good_rows_lands_nothing(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress((sample.clean + sample.clean).encode(), mtime=0)[:-4])
    assert "cut.csv.gz is cut or damaged" in error_of(sample, path)


@pytest.mark.transport
def test_a_damaged_member_fails_alone(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.text(sample.lines[0]))
        archive.writestr("b.csv", sample.text(sample.lines[1]))
    content = bytearray(path.read_bytes())
    content[content.index(sample.lines[0].encode()) + 3] ^= 0xFF
    path.write_bytes(content)
    report = sample.land([path])
    assert [(o.name, o.status) for o in report.outcomes] == [
        ("damaged.zip!a.csv", "failed"),
        ("damaged.zip!b.csv", "loaded"),
    ]
    assert "Bad CRC-32" in str(report.outcomes[0].error)


@pytest.mark.transport
def test_a_cut_zip_is_one_clear_error(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.clean)
    path.write_bytes(path.read_bytes()[:-10])
    assert error_of(sample, path).startswith("cut.zip is cut or damaged")


@pytest.mark.transport
def test_an_encrypted_member_is_one_clear_error(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.clean)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flags of the local header, then of the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted; unpack it with its password" in error_of(sample, path)


@pytest.mark.transport
def test_a_parquet_file_of_other_columns_is_refused(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), path)
    assert error_of(sample, path).startswith("unknown layout in other.parquet: 2 columns")


@pytest.mark.transport
def test_a_folder_with_no_data_file_fails(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")
    failed, skipped = sample.land([tmp_path]).outcomes
    assert (failed.status, skipped.status) == ("failed", "skipped")
    assert "the folder holds no data file (.csv, .txt," in str(failed.error)
    assert query("select uri, status from audit.loads where load_id = %s", failed.load_id) == [
        (sample.uri(tmp_path), "failed")
    ]


@pytest.mark.transport
def test_what_cannot_be_read_fails_alone_and_stands_in_the_ledger(sample: Sample, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b.csv")
    (tmp_path / "c.csv").symlink_to("gone.csv")
    packed = b"a,b\n"
    for _ in range(400):
        packed = gzip.compress(packed, mtime=0)
    (tmp_path / "d.csv").write_bytes(packed)
    (tmp_path / "e.tmp").write_text(sample.clean)
    for name in ("a.csv", "f.csv", "two\nlines.csv", os.fsdecode(b"\xff.csv")):
        (tmp_path / name).write_text(sample.clean)
    report = sample.land([tmp_path, "", "~no-such-user/g.csv"])
    told = {
        outcome.name.removeprefix(f"{tmp_path}/"): (outcome.status, outcome.load_id is not None)
        for outcome in report.outcomes
    }
    assert told == {
        "a.csv": ("loaded", True),
        "b.csv": ("failed", True),
        "c.csv": ("failed", True),
        "d.csv": ("failed", True),
        "e.tmp": ("skipped", False),
        "f.csv": ("loaded", True),
        "two\\nlines.csv": ("loaded", True),
        "\\xff.csv": ("loaded", True),
        "": ("failed", False),
        "~no-such-user/g.csv": ("failed", False),
    }
    for outcome in report.outcomes:
        if outcome.load_id is not None:
            assert query("select status, error from audit.loads where load_id = %s", outcome.load_id) == [
                (outcome.status, outcome.error)
            ]
            assert "\n" not in (outcome.error or "")
    verdicts = check(sample.source.name, [tmp_path, "", "~no-such-user/g.csv"], as_of=sample.as_of)
    assert [(v.uri, v.name, v.error) for v in verdicts] == [(o.uri, o.name, o.error) for o in report.outcomes]


@pytest.mark.transport
def test_a_missing_path_fails_and_the_others_land(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "there.csv"
    path.write_text(sample.clean)
    report = sample.land([tmp_path / "missing.csv", tmp_path / "no*.csv", path])
    assert [o.status for o in report.outcomes] == ["failed", "failed", "loaded"]
    assert "there is no such file or folder" in str(report.outcomes[0].error)


def test_a_header_without_rows_is_an_empty_load(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "holiday.csv"
    path.write_text(sample.header + "\n")
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.notes) == ("empty", 0, ("a header and no rows",))
    assert query("select status, rows from audit.loads where load_id = %s", outcome.load_id) == [("empty", 0)]


@pytest.mark.transport
@pytest.mark.parametrize("rest", ["", "bad\n"])
def test_a_file_without_rows_does_not_silently_replace_one_with_rows(
    sample: Sample, tmp_path: Path, rest: str
) -> None:
    path = tmp_path / "day.csv"
    path.write_text(sample.clean)
    before = sample.land_one(path)
    path.write_text(sample.header + "\n" + rest)
    assert f"day.csv now gives no row, but its load {before.load_id} gave {len(sample.lines)}" in error_of(
        sample, path
    )
    outcome = sample.land_one(path, force=True)
    assert (outcome.rows, outcome.restates) == (0, before.load_id)


@pytest.mark.transport
@pytest.mark.skipif(
    os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(),
    reason="root needs setpriv to lose its rights",
)
def test_a_file_without_read_permission_fails(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text(sample.clean)
    path.chmod(0)
    command = sample.command(path)
    if os.geteuid() == 0:
        # Root reads everything by these two rights; without them it is a user like any other.
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--", *command]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert f"error: cannot read {path}: no permission; let user id {os.geteuid()} read it\n" == run.stderr
