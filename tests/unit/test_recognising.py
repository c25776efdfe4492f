"""Headers that people really have: each is read rightly, or the question is asked that decides it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loaders.landing.files import DataFile, data_files
from loaders.recognising.of_file import recognise_any
from loaders.recognising.said import OPTIONS
from loaders.source import SUFFIXES, Source
from warehouse.errors import TickmartError

CASES = json.loads((Path(__file__).parents[1] / "fixtures/anybody/headers.json").read_text())
ANYBODYS = Source("csv", "any", (), "", options=OPTIONS)


def one_file(path: Path) -> DataFile:
    (file,) = data_files(path, SUFFIXES)
    assert isinstance(file, DataFile)
    return file


def read(path: Path, text: str, **said: str) -> dict[str, Any]:
    path.write_text(text)
    return recognise_any(one_file(path), ANYBODYS.checked_options(said), None).kept()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_header_is_read_rightly_or_the_deciding_question_is_asked(
    case: dict[str, Any], tmp_path: Path
) -> None:
    if "asks" in case:
        with pytest.raises(TickmartError) as asked:
            read(tmp_path / "file.csv", case["text"], **case["said"])
        assert re.search(case["asks"], str(asked.value)), str(asked.value)
        return

    kept = read(tmp_path / "file.csv", case["text"], **case["said"])

    used = {name: field for name, field in kept["columns"].items() if not field.startswith("extra_")}
    assert (kept["layout"], used) == (case["kind"], case["columns"])
    assert {key: kept[key] for key in case.get("reading", {})} == case.get("reading", {})
