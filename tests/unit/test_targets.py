"""Models and macros name no schema that another target would have elsewhere."""

import re

from warehouse.settings import PROJECT_FOLDER

_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)
# macros/targets/records.sql finds the tables of which every target has its own.
_OF_A_TARGET = re.compile(
    r"source\('(?:audit', '(?:built_|loads_to_|slices_to_|left_)"
    r"|enrichment', '(?:option_|greeks_|volatility_))"
)
_NAMED = re.compile(
    r"\b(?:staging|intermediate|marts|facts)\.\w+|\baudit\.(?:built_|loads_to_|slices_to_|left_)\w+"
    r"|\benrichment\.(?:option_|greeks_|volatility_)\w+"
)


def test_what_each_target_has_of_its_own_is_named_by_no_other_way() -> None:
    found = [
        f"{path.relative_to(PROJECT_FOLDER)}: {name[0]}"
        for folder in ("macros", "models", "tests/data", "functions")
        for path in sorted((PROJECT_FOLDER / folder).rglob("*.sql"))
        for pattern in (_NAMED, _OF_A_TARGET)
        for name in pattern.finditer(_COMMENT.sub("", path.read_text()))
    ]

    # whether the database's own target holds rows
    assert found == ["macros/targets/check_target.sql: audit.built_loads"]
