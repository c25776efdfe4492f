"""Which nodes of a small graph run after loads of one of its raw tables."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from warehouse.due_nodes import due_nodes

RAW = {
    "raw_days": "raw",
    "raw_minutes": "raw",
    "raw_snapshots": "raw",
    "loads": "audit",
    "loads_to_build": "audit",
}
# name: (materialized, meta, what it reads)
MODELS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "stg_days": ("view", {}, ["raw_days"]),
    "stg_minutes": ("view", {}, ["raw_minutes", "loads_to_build"]),
    "int_days__delivered": ("view", {}, ["stg_days"]),
    "int_minutes__delivered": ("view", {}, ["stg_minutes"]),
    "int_snapshots__delivered": ("view", {}, ["raw_snapshots"]),
    "registry": (
        "by_load",
        {"built_from": "ledger", "shapes": ["days", "minutes"]},
        ["int_days__delivered", "int_minutes__delivered"],
    ),
    "terms": ("reference", {}, ["registry"]),
    "day_bars": (
        "hypertable", {"built_from": "slices", "shapes": ["days"]}, ["int_days__delivered", "registry"],
    ),
    "minute_bars": (
        "hypertable", {"built_from": "slices", "shapes": ["minutes"]}, ["int_minutes__delivered", "registry"],
    ),
    "hours": ("rollup", {"built_from": ["minute_bars"]}, ["minute_bars"]),
    "snapshots": (
        "hypertable",
        {"built_from": "slices", "shapes": ["snapshots"], "refers_to": ["days"]},
        ["int_snapshots__delivered", "registry"],
    ),
    "days": ("view", {}, ["day_bars", "terms"]),
    "ticks": ("view", {}, ["minute_bars", "terms"]),
    "contracts": ("view", {}, ["terms"]),
    "history": ("view", {}, ["loads"]),
    # without shapes it follows every load
    "set_aside": ("by_load", {"built_from": "slices"}, ["day_bars", "minute_bars", "snapshots"]),
}  # fmt: skip


def manifest() -> Any:
    children, parents = defaultdict(list), defaultdict(list)
    nodes = {}
    for name, (materialized, meta, reads) in MODELS.items():
        config = SimpleNamespace(materialized=materialized, meta=meta)
        nodes[name] = SimpleNamespace(name=name, resource_type="model", config=config)
        test = f"test_{name}"
        nodes[test] = SimpleNamespace(
            name=test,
            resource_type="test",
            config=SimpleNamespace(materialized="test", meta={}),
            depends_on=SimpleNamespace(nodes=[name]),
        )
        for parent in reads:
            children[parent].append(name)
            parents[name].append(parent)
        children[name].append(test)
    return SimpleNamespace(
        nodes=nodes,
        sources={name: SimpleNamespace(schema=schema, identifier=name) for name, schema in RAW.items()},
        child_map=children,
        parent_map=parents,
        build_parent_and_child_maps=lambda: None,
    )


ALWAYS = {"test_history", "set_aside", "test_set_aside"}  # the ledger has changed


@pytest.mark.parametrize(
    ("shape", "held", "built", "tested_alone"),
    [
        (
            "days",
            ["days", "minutes"],
            {"registry", "terms", "day_bars"},
            {"stg_days", "int_days__delivered", "days", "contracts"},
        ),
        (
            "days",
            ["days", "minutes", "snapshots"],
            {"registry", "terms", "day_bars", "snapshots"},
            {"stg_days", "int_days__delivered", "days", "contracts"},
        ),
        (
            "minutes",
            ["days", "minutes"],
            {"registry", "terms", "minute_bars", "hours"},
            {"stg_minutes", "int_minutes__delivered", "ticks", "contracts"},
        ),
        ("snapshots", ["days", "snapshots"], {"snapshots"}, {"int_snapshots__delivered"}),
    ],
)
def test_a_load_reaches_what_takes_its_shape_and_what_shows_that(
    shape: str, held: list[str], built: set[str], tested_alone: set[str]
) -> None:
    names = due_nodes(manifest(), [f"raw_{shape}"], [f"raw_{name}" for name in held])

    assert set(names) == built | {f"test_{name}" for name in built | tested_alone} | ALWAYS
    assert len(names) == len(set(names))
