"""What every source does with the JSON documents of its vendor, if it reads any."""

import gzip
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loader_samples import FIXTURES, query, rejects_of

from loaders.landing import Outcome, land
from loaders.landing.checking import check
from loaders.landing.reading_back import read_lines
from loaders.source import Source
from loaders.sources import SOURCES

pytestmark = pytest.mark.usefixtures("database")


@dataclass(frozen=True)
class Document:
    """A JSON document of a source and what it must give."""

    source: Source
    name: str

    @property
    def folder(self) -> Path:
        return FIXTURES / self.source.name

    @property
    def expected(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "expected.json").read_text()))

    @property
    def text(self) -> str:
        return (self.folder / self.name).read_text()

    @property
    def number(self) -> str:
        """One of its numbers, as it is written there."""
        return str(self.expected["number"])

    @property
    def rows(self) -> int:
        return int(self.expected["files"][self.name]["rows"])

    @property
    def table(self) -> str:
        return self.source.layouts[0].table.qualified

    def land_one(self, path: Path, **options: Any) -> Outcome:
        (outcome,) = land(self.source.name, [path], **options).outcomes
        return outcome

    def landed(self, outcome: Outcome) -> list[tuple[Any, ...]]:
        columns = ", ".join(self.expected["files"][self.name]["first"])
        return query(
            f"select _line - first_line + header_lines + 1, {columns} from {self.table}"
            " join audit.loads on _load_id = load_id where load_id = %s order by _line",
            outcome.load_id,
        )


READING = [source for source in SOURCES.values() if source.rows_of_json is not None]


def expected_of(source: Source, key: str) -> Any:
    return json.loads((FIXTURES / source.name / "expected.json").read_text())[key]


@pytest.fixture(
    params=[Document(source, name) for source in READING for name in expected_of(source, "documents")],
    ids=lambda document: f"{document.source.name}-{document.name}",
)
def document(request: pytest.FixtureRequest) -> Document:
    found: Document = request.param
    return found


DRESSES = {
    "as it came": lambda text: text.encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "indented": lambda text: json.dumps(json.loads(text), indent=4).encode(),
    "blank lines before": lambda text: ("\n\n  " + text).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_the_same_rows_land_from_any_dress(document: Document, tmp_path: Path, dress: str) -> None:
    plain, dressed = tmp_path / "plain.json", tmp_path / "dressed.csv"  # the content decides, not the name
    plain.write_text(document.text)
    dressed.write_bytes(DRESSES[dress](document.text))
    first, second = document.land_one(plain), document.land_one(dressed)
    assert (second.status, second.rows, second.rejected) == ("loaded", document.rows, 0)
    assert document.landed(second) == document.landed(first)
    assert [row[0] for row in document.landed(second)] == list(range(1, document.rows + 1))
    assert query("select options ->> 'format' from audit.loads where load_id = %s", second.load_id) == [
        ("json",)
    ]


def test_numbers_are_the_text_that_stood_there(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    for written in ("1.2005000E2", "5210.000000000000000001", "-0", "1e400"):
        path.write_text(document.text.replace(document.number, written, 1))
        outcome = document.land_one(path)
        assert written in {value for row in document.landed(outcome) for value in row[1:]}


def test_a_document_lands_once_and_a_new_one_restates_it(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(document.text)
    first = document.land_one(path)
    assert document.land_one(path).status == "already loaded"
    path.write_text(document.text.replace(document.number, "0.125"))
    second = document.land_one(path)
    assert (second.status, second.rows, second.restates) == ("loaded", document.rows, first.load_id)


def test_documents_of_an_archive_are_a_load_each(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "day.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1104.json", document.text)
        archive.writestr("1105.json", document.text)
        archive.writestr("cut.json", document.text[:-9])
    report = land(document.source.name, [path])
    assert [(o.name, o.status, o.rows) for o in report.outcomes] == [
        ("day.zip!1104.json", "loaded", document.rows),
        ("day.zip!1105.json", "loaded", document.rows),
        ("day.zip!cut.json", "failed", 0),
    ]


def test_a_check_says_what_landing_would(document: Document) -> None:
    (verdict,) = check(document.source.name, [document.folder / document.name])
    assert (verdict.status, verdict.rows, verdict.rejected) == ("good", document.rows, 0)
    assert verdict.layout == document.expected["files"][document.name]["layout"]


def test_a_nul_byte_rejects_its_row_alone(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "nul.json"
    path.write_text(document.text.replace(document.number, '"\\u0000"', 1))
    outcome = document.land_one(path)
    assert (outcome.rows, outcome.rejected) == (document.rows - 1, 1)
    ((line, _, reason),) = rejects_of(outcome.load_id)
    assert reason == "NUL byte in the row"
    assert [row[0] for row in document.landed(outcome)] == [
        n for n in range(1, document.rows + 1) if n != line
    ]


def test_its_rows_have_no_lines_to_read_back(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(document.text)
    outcome = document.land_one(path)
    ((sha256, size),) = query("select sha256, bytes from audit.loads where load_id = %s", outcome.load_id)
    read = read_lines(outcome.uri, sha256, size, [1], document.source.suffixes)
    assert read.problem == "a JSON document has rows, not lines"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.text[: len(d.text) // 2], "is no whole JSON document"),
        (lambda d: d.text + d.text, "is no whole JSON document (Extra data"),
        (lambda d: d.text.replace(d.number, "nan"), "is no whole JSON document"),
        (lambda d: "[" * 100_000, "is no whole JSON document"),
        (lambda d: d.text + " " * (16 << 20), "is a JSON document of more than 16,777,216 bytes"),
        (lambda d: "[]", "is no"),
        (lambda d: '{"message": "Forbidden"}', "is no"),
        (lambda d: d.text.replace(d.number, '{"value": 1}'), "is neither number nor text"),
        (lambda d: d.text.replace(d.number, '"\\ud800"'), "holds \\ud800, half of a character"),
        (lambda d: d.text.replace('"lastPrice"', '"\\udfff"'), "holds \\udfff, half of a character"),
        (lambda d: "<html><body>Access denied</body></html>", "is an HTML or XML page"),
    ],
    ids=[
        "cut",
        "twice",
        "no number",
        "deep",
        "too large",
        "list",
        "refusal",
        "nested",
        "half a character",
        "half a character in a name",
        "HTML",
    ],
)
def test_what_is_no_such_document_is_one_clear_error(
    document: Document, tmp_path: Path, change: Any, words: str
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(change(document))
    before = query(f"select count(*) from {document.table}")
    outcome = document.land_one(path)
    assert outcome.status == "failed"
    assert str(outcome.error).startswith("answer.json ")
    assert words in str(outcome.error)
    assert "\n" not in str(outcome.error)
    assert query(f"select count(*) from {document.table}") == before


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        (source, name, words)
        for source in READING
        for name, words in expected_of(source, "refused_documents").items()
    ],
)
def test_other_documents_are_refused(source: Source, name: str, words: str) -> None:
    (outcome,) = land(source.name, [FIXTURES / source.name / name]).outcomes
    assert outcome.status == "failed"
    assert words in str(outcome.error)


@pytest.mark.parametrize("source", [s for s in SOURCES.values() if s.rows_of_json is None and not s.undated])
def test_a_source_without_documents_takes_none(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    path.write_text('{"records": {}}')
    (outcome,) = land(source.name, [path]).outcomes
    commands = " or ".join(f"tickmart load {other.name} {path}" for other in READING)
    assert outcome.error == (
        f"answer.csv is a JSON document, and files of {source.name} are none. Try: {commands}"
    )
