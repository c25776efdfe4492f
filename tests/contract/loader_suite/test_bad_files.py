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
from loader_samples import Sample, query, rejects_of

from loaders.lines import LONGEST_LINE

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
    assert (outcome.status, outcome.rows, outcome.rejected) == ("loaded", 4, 8)
    assert list(sample.landed(outcome.load_id)) == [2, 4, 10, 13]
    assert rejects_of(outcome.load_id) == [
        (3, too_few, f"3 fields where the header has {sample.fields}"),
        (5, too_many, f"{sample.fields + 1} fields where the header has {sample.fields}"),
        (6, quoted, "unbalanced quote"),
        (7, "", "blank line"),
        (8, "", "blank line"),
        (9, "\\.", f"1 field where the header has {sample.fields}"),
        (11, "nul\\x00" + good, "NUL byte in the line"),
        (12, "x\ry", "carriage return inside the line"),
    ]


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


def test_a_line_without_end_is_not_taken_into_memory(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(sample.text(sample.lines[0], "x" * (3 * LONGEST_LINE), sample.lines[1]))
    outcome = sample.land_one(path)
    assert list(sample.landed(outcome.load_id)) == [2, 4]
    assert rejects_of(outcome.load_id) == [(3, "x" * 1000, f"longer than {LONGEST_LINE:,} bytes")]


def test_a_file_of_nothing_but_rejects_lands_no_row(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "all bad.csv"
    path.write_text(sample.text(*["bad"] * 3000))
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.rejected) == ("loaded", 0, 3000)
    assert [line for line, _, _ in rejects_of(outcome.load_id)] == list(range(2, 3002))


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
    assert sorted(landed + rejected) == list(range(2, len(lines) + 3))


def test_an_unknown_header_names_what_was_found_and_what_is_known(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "unknown.csv"
    path.write_text("Symbol,Price\nA,1\n")
    error = error_of(sample, path)
    assert error.startswith('unknown layout in unknown.csv: 2 columns starting "Symbol,Price"')
    for layout in sample.source.layouts:
        assert f"{layout.name} ({len(layout.header())} columns)" in error
    assert error.endswith("Try: tickmart load --list-layouts")


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


def test_a_gzip_file_cut_behind_good_rows_lands_nothing(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress((sample.clean + sample.clean).encode(), mtime=0)[:-4])
    assert "cut.csv.gz is cut or damaged" in error_of(sample, path)


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


def test_a_cut_zip_is_one_clear_error(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.clean)
    path.write_bytes(path.read_bytes()[:-10])
    assert error_of(sample, path).startswith("cut.zip is cut or damaged")


def test_an_encrypted_member_is_one_clear_error(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.clean)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flags of the local header, then of the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted; unpack it with its password" in error_of(sample, path)


def test_a_parquet_file_of_other_columns_is_refused(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), path)
    assert error_of(sample, path).startswith("unknown layout in other.parquet: 2 columns")


def test_a_folder_with_no_data_file_fails(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")
    assert "the folder holds no data file (.csv, .txt," in error_of(sample, tmp_path)


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
