"""What several relations have in common is described once."""

from collections import Counter
from typing import Any

import yaml

from warehouse.settings import PROJECT_FOLDER


def test_a_description_that_columns_share_is_a_block_of_its_own() -> None:
    written_out = Counter(
        (column["name"], " ".join(column["description"].split()))
        for path in (PROJECT_FOLDER / "models").rglob("*.yml")
        for column in columns(yaml.safe_load(path.read_text()))
        if "doc(" not in column["description"]
    )

    assert len(written_out) > 100
    assert [text for text, times in written_out.items() if times > 2] == []


def columns(described: dict[str, Any]) -> list[dict[str, Any]]:
    models = described.get("models", [])
    tables = [table for source in described.get("sources", []) for table in source["tables"]]
    return [column for relation in models + tables for column in relation.get("columns", [])]
