"""What every source lands, in whatever form its file comes."""

import bz2
import gzip
import hashlib
import json
import random
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from loader_samples import Sample, query, rejects_of
from sqlalchemy import URL

pytestmark = pytest.mark.usefixtures("database")


def test_every_fixture_says_where_it_is_from(sample: Sample) -> None:
    described = json.loads((sample.folder / "metadata.json").read_text())
    files = sorted(
        path.name
        for path in sample.folder.iterdir()
        if path.suffix in sample.source.suffixes and path.name not in ("expected.json", "metadata.json")
    )
    assert sorted(entry["file"] for entry in described) == files
    for entry in described:
        content = (sample.folder / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["origin"]
        assert entry["licence"]


def test_every_layout_lands_whole_and_untouched(sample: Sample) -> None:
    assert {answer["layout"] for answer in sample.expected["files"].values()} == {
        layout.name for layout in sample.source.layouts
    }
    tables = {layout.name: layout.table.qualified for layout in sample.source.layouts}
    for name, answer in sample.expected["files"].items():
        outcome = sample.land_one(sample.folder / name, force=True, options=sample.said_of(name))
        assert (outcome.status, outcome.layout) == ("loaded", answer["layout"])
        assert (outcome.rows, outcome.rejected) == (answer["rows"], 0)
        columns = list(answer["first"])
        rows = query(
            f"select {', '.join(columns)} from {tables[answer['layout']]} where _load_id = %s order by _line",
            outcome.load_id,
        )
        assert dict(zip(columns, rows[0], strict=True)) == answer["first"]
        assert dict(zip(columns, rows[-1], strict=True)) == answer["last"]
        assert len(rows) == answer["rows"]


def test_the_ledger_tells_what_was_landed(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "a file.csv"
    path.write_text(sample.clean)
    outcome = sample.land_one(path)
    (row,) = query(
        "select source, dataset, uri, sha256, bytes, rows, rejected, raw_table, header_lines, status,"
        " error, unloaded_at, started_at <= finished_at from audit.loads where load_id = %s",
        outcome.load_id,
    )
    assert row == (
        sample.source.name,
        sample.source.dataset,
        sample.uri(path),
        hashlib.sha256(sample.clean.encode()).hexdigest(),
        len(sample.clean.encode()),
        len(sample.lines),
        0,
        sample.table,
        1,
        "loaded",
        None,
        None,
        True,
    )


def test_every_row_knows_its_line(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(sample.clean)
    landed = sample.landed(sample.land_one(path).load_id)
    assert list(landed) == list(range(2, len(sample.lines) + 2))
    assert list(landed.values()) == sample.rows_of(sample.lines)


DRESSES = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "header LF, rows CRLF": lambda text: text.replace("\n", "\r\n").replace("\r\n", "\n", 1).encode(),
    "header LF, rows CR": lambda text: text.replace("\n", "\r").replace("\r", "\n", 1).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "no end of the last line": lambda text: text[:-1].encode(),
    "blank lines behind": lambda text: (text + "\n\r\n\n").encode(),
    "blank line before": lambda text: ("\n" + text).encode(),
    "comma behind the header": lambda text: text.replace("\n", ",\n", 1).encode(),
    "comma behind every line": lambda text: text.replace("\n", ",\n").encode(),
    "header in capitals": lambda text: text.replace(head := text.split("\n")[0], head.upper()).encode(),
    "header with blanks": lambda text: text.replace(
        head := text.split("\n")[0], head.replace(",", " , ")
    ).encode(),
    "header in quotes": lambda text: text.replace(
        head := text.split("\n")[0], '"' + head.replace(",", '","') + '"'
    ).encode(),
    "values in quotes": lambda text: text.replace(
        head := text.split("\n")[1], '"' + head.replace(",", '",', 1)
    ).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "two gzip streams": lambda text: gzip.compress(text[:300].encode()) + gzip.compress(text[300:].encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "zstandard": lambda text: zstandard.compress(text.encode()),
    "two zstandard frames": lambda text: (
        zstandard.compress(text[:300].encode()) + zstandard.compress(text[300:].encode())
    ),
}


@pytest.mark.transport
@pytest.mark.parametrize("dress", DRESSES)
def test_the_same_rows_land_from_any_dress(sample: Sample, tmp_path: Path, dress: str) -> None:
    path = tmp_path / "dressed.csv"  # the name says nothing: the content decides
    path.write_bytes(DRESSES[dress](sample.clean))
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rejected) == ("loaded", 0)
    landed = sample.landed(outcome.load_id)
    assert list(landed.values()) == sample.rows_of(sample.lines)
    first = 3 if dress == "blank line before" else 2
    assert list(landed) == list(range(first, first + len(sample.lines)))


def test_columns_may_stand_in_any_order(sample: Sample, tmp_path: Path) -> None:
    layout = next(layout for layout in sample.source.layouts if layout.name == sample.layout.name)
    named = sample.fields - len(layout.tail)
    order = random.Random(1).sample(range(named), named) + list(range(named, sample.fields))
    lines = [[line.split(",")[i] for i in order] for line in (sample.header, *sample.lines)]
    path = tmp_path / "shuffled.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    outcome = sample.land_one(path)
    assert list(sample.landed(outcome.load_id).values()) == sample.rows_of(sample.lines)


@pytest.mark.transport
def test_bytes_that_are_no_utf8_are_read_as_latin1_and_that_is_said(sample: Sample, tmp_path: Path) -> None:
    odd = "ÉTÉ" + sample.lines[0][sample.lines[0].index(",") :]
    path = tmp_path / "latin1.csv"
    path.write_bytes(sample.text(odd, *sample.lines).encode("latin-1"))
    outcome = sample.land_one(path)
    assert (outcome.rows, outcome.rejected) == (len(sample.lines) + 1, 0)
    assert outcome.notes == ("1 line read as latin-1, not being UTF-8",)
    assert sample.landed(outcome.load_id)[2][0] == "ÉTÉ"
    assert query("select options from audit.loads where load_id = %s", outcome.load_id) == [
        ({"latin1_lines": 1} | ({"as_of": str(sample.as_of)} if sample.as_of else {}),)
    ]


@pytest.mark.transport
def test_quoted_values_keep_commas_and_quotes(sample: Sample, tmp_path: Path) -> None:
    rest = sample.lines[0][sample.lines[0].index(",") :]
    path = tmp_path / "quoted.csv"
    path.write_text(sample.text(f'"a, ""b"""{rest}', f'""{rest}'))
    landed = sample.landed(sample.land_one(path).load_id)
    assert [row[0] for row in landed.values()] == ['a, "b"', ""]


@pytest.mark.transport
def test_quotes_may_come_late(sample: Sample, tmp_path: Path) -> None:
    many = sample.lines * (300_000 // len("".join(sample.lines)) + 1)
    late = '"quoted"' + sample.lines[0][sample.lines[0].index(",") :]
    path = tmp_path / "late.csv"
    path.write_text(sample.text(*many, late))
    landed = sample.landed(sample.land_one(path).load_id)
    assert list(landed) == list(range(2, len(many) + 3))
    assert landed[len(many) + 2][0] == "quoted"


@pytest.mark.known_layouts
def test_nonsense_lands_as_it_is_for_the_build_to_judge(sample: Sample, tmp_path: Path) -> None:
    odd = [",".join([word] * sample.fields) for word in ("abc", "-1", "12/03/20266", "NaN", "\\N", "NULL")]
    path = tmp_path / "odd.csv"
    path.write_text(sample.text(*odd, sample.lines[0], sample.lines[0]))
    outcome = sample.land_one(path)
    assert list(sample.landed(outcome.load_id).values()) == sample.rows_of([*odd, *[sample.lines[0]] * 2])
    assert outcome.rejected == 0


@pytest.mark.transport
def test_a_zip_lands_each_of_its_files_as_its_own_load(sample: Sample, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("deep.csv", sample.text(*sample.lines[:3]))
    path = tmp_path / "month.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day10.csv", sample.text(sample.lines[0]))
        archive.writestr("folder/day2.csv", sample.text(*sample.lines[:2]))
        archive.writestr("day9.csv.gz", gzip.compress(sample.text(*sample.lines[:4]).encode()))
        archive.writestr("readme.txt", "about this archive")
        archive.writestr("terms.pdf", "%PDF")
        archive.write(inner, "inner.zip")
    report = sample.land([path])
    assert [(sample.place(o, path), o.status, o.rows) for o in report.outcomes] == [
        ("!day9.csv.gz", "loaded", 4),
        ("!day10.csv", "loaded", 1),
        ("!folder/day2.csv", "loaded", 2),
        ("!inner.zip!deep.csv", "loaded", 3),
        ("!readme.txt", "skipped", 0),
        ("!terms.pdf", "skipped", 0),
    ]
    again = sample.land([path])
    assert [o.status for o in again.outcomes] == ["already loaded"] * 4 + ["skipped"] * 2


@pytest.mark.transport
def test_two_members_of_one_name_are_two_loads(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "twins.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", sample.text(sample.lines[0]))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.csv", sample.text(sample.lines[1]))
    report = sample.land([path])
    assert [(sample.place(o, path), o.status) for o in report.outcomes] == [
        ("!a.csv", "loaded"),
        ("!a.csv#2", "loaded"),
    ]


@pytest.mark.known_layouts
def test_a_parquet_file_of_the_same_columns_lands_as_the_csv_does(sample: Sample, tmp_path: Path) -> None:
    columns = list(zip(*(line.split(",") for line in sample.lines), strict=True))
    table = pyarrow.table(
        {
            name: [value or None for value in values]
            for name, values in zip(sample.header.split(","), columns, strict=True)
        }
    )
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=7)
    outcome = sample.land_one(path)
    landed = sample.landed(outcome.load_id)
    assert list(landed) == list(range(1, len(sample.lines) + 1))
    assert list(landed.values()) == sample.rows_of(sample.lines)
    assert outcome.layout == sample.layout.name


@pytest.mark.transport
def test_folders_are_searched_in_natural_order(sample: Sample, tmp_path: Path) -> None:
    for name in ("day10.csv", "day2.csv", "sub/day1.txt", ".hidden.csv", "README.txt", "chart.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(sample.text(sample.lines[0]))
    report = sample.land([tmp_path])
    assert [(sample.place(o, tmp_path), o.status) for o in report.outcomes] == [
        ("/.hidden.csv", "skipped"),
        ("/README.txt", "skipped"),
        ("/chart.png", "skipped"),
        ("/day2.csv", "loaded"),
        ("/day10.csv", "loaded"),
        ("/sub/day1.txt", "loaded"),
    ]


@pytest.mark.transport
def test_patterns_are_expanded_and_a_file_named_twice_lands_once(sample: Sample, tmp_path: Path) -> None:
    for name in ("a1.csv", "a2.csv", "b.csv"):
        (tmp_path / name).write_text(sample.text(sample.lines[0]))
    report = sample.land([tmp_path / "a*.csv", tmp_path / "a1.csv", str(tmp_path / "**" / "a2.csv")])
    assert [o.name for o in report.outcomes] == ["a1.csv", "a2.csv"]


def test_the_raw_table_takes_a_column_that_an_older_one_lacks(sample: Sample, fresh_database: URL) -> None:
    last = sample.layout.table.columns[-1]
    query(f"alter table {sample.table} drop column {last}")
    for name in sample.expected["files"]:
        outcome = sample.land_one(sample.folder / name, options=sample.said_of(name))
        assert outcome.status == "loaded"
    assert rejects_of(1) == []
