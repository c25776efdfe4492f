"""Imports run one way: tickmart, flows → backtests, sampledata, loaders, greeks, exporters → warehouse."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "warehouse": set(),
    "greeks": {"warehouse"},
    "loaders": {"warehouse"},
    "exporters": {"warehouse"},
    "backtests": {"exporters", "warehouse"},
    "sampledata": {"greeks", "warehouse"},
    "flows": {"exporters", "greeks", "loaders", "warehouse"},
    "tickmart": {"backtests", "exporters", "greeks", "loaders", "sampledata", "warehouse"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    strays = [
        f"{path.relative_to(PROJECT)}:{line} imports {name}"
        for path in sorted((PROJECT / package).rglob("*.py"))
        for line, name in _imports(path)
        if name in MAY_IMPORT and name not in allowed
    ]
    assert strays == []


# A plug-in knows what it is made of and no other plug-in; code common to all of them knows no single one.
MAY_NOT_IMPORT = {
    "loaders/landing": ("loaders.sources.", "loaders.fetching"),
    "loaders/sources": ("loaders.landing", "loaders.sources.[a-z]"),
    "exporters/publish": ("exporters.formats", "exporters.exporting", "exporters.marts"),
    "exporters/formats": ("exporters.exporting", "exporters.formats.[a-z]"),
}


@pytest.mark.parametrize("folder", MAY_NOT_IMPORT)
def test_plug_ins_and_what_carries_them_stand_apart(folder: str) -> None:
    strays = [
        f"{path.relative_to(PROJECT)}:{line} imports {name}"
        for path in sorted((PROJECT / folder).rglob("*.py"))
        for line, name in _full_imports(path)
        if any(re.match(forbidden, name) for forbidden in MAY_NOT_IMPORT[folder])
    ]
    assert strays == []


@pytest.mark.parametrize("package", sorted(MAY_IMPORT.keys() - {"warehouse"}))
def test_python_above_the_warehouse_reads_marts_and_what_is_made_for_the_greeks(package: str) -> None:
    """Relations of `intermediate` without `int_` in front are made for the Greeks step to read."""
    strays = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path in sorted((PROJECT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"\bint_[a-z]+__", line)
        or (package != "greeks" and re.search(r"\bintermediate\.[a-z]", line))
    ]
    assert strays == []


def _imports(path: Path) -> list[tuple[int, str]]:
    return [(line, name.split(".")[0]) for line, name in _full_imports(path)]


def _full_imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append((node.lineno, node.module))
    return found
