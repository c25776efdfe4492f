"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "docs",
    "benchmarks",
    "exporters",
    "backtests",
    "flows",
    "loaders",
    "models",
    "sampledata",
    "tests",
)
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(file for name in FOLDERS for file in (PROJECT / name).rglob("*.md"))]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_relative_link_of_a_document_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = [target for target in _links(document) if not _resolves(document, target)]

    assert broken == []


def test_there_are_documents_with_links() -> None:
    assert sum(len(_links(document)) for document in DOCUMENTS) >= 5


def _links(document: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not re.match(r"[a-z][a-z+.-]*:", target)]


def _resolves(document: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (document.parent / path).resolve() if path else document
    if not file.exists() or not file.is_relative_to(PROJECT):
        return False
    return not anchor or anchor in {
        _anchor(line) for line in file.read_text().splitlines() if line[:1] == "#"
    }


def _anchor(heading: str) -> str:
    """The name that a heading has in links: lower case, punctuation gone, spaces as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")
