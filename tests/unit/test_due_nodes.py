"""Which nodes of a small graph run after loads of one of its sources."""

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
    "registry": (
        "by_load", {"built_from": "ledger", "sources": ["days", "minutes"]}, ["stg_days", "stg_minutes"],
    ),
    "terms": ("reference", {}, ["registry"]),
    "day_bars": ("hypertable", {"built_from": "slices", "sources": ["days"]}, ["stg_days", "registry"]),
    "minute_bars": (
        "hypertable", {"built_from": "slices", "sources": ["minutes"]}, ["stg_minutes", "registry"],
    ),
    "hours": ("rollup", {"built_from": ["minute_bars"]}, ["minute_bars"]),
    "snapshots": (
        "hypertable",
        {"built_from": "slices", "sources": ["snapshots"], "refers_to": ["days"]},
        ["raw_snapshots", "registry"],
    ),
    "days": ("view", {}, ["day_bars", "terms"]),
    "ticks": ("view", {}, ["minute_bars", "terms"]),
    "contracts": ("view", {}, ["terms"]),
    "history": ("view", {}, ["loads"]),
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


ALWAYS = {"test_history"}  # the ledger has changed


@pytest.mark.parametrize(
    ("source", "held", "built", "tested_alone"),
    [
        (
            "days",
            ["days", "minutes"],
            {"registry", "terms", "day_bars"},
            {"stg_days", "days", "contracts"},
        ),
        (
            "days",
            ["days", "minutes", "snapshots"],
            {"registry", "terms", "day_bars", "snapshots"},
            {"stg_days", "days", "contracts"},
        ),
        (
            "minutes",
            ["days", "minutes"],
            {"registry", "terms", "minute_bars", "hours"},
            {"stg_minutes", "ticks", "contracts"},
        ),
        ("snapshots", ["days", "snapshots"], {"snapshots"}, set()),
    ],
)
def test_a_load_reaches_what_follows_its_source_and_what_shows_that(
    source: str, held: list[str], built: set[str], tested_alone: set[str]
) -> None:
    names = due_nodes(manifest(), [f"raw_{source}"], [source], held)

    assert set(names) == built | {f"test_{name}" for name in built | tested_alone} | ALWAYS
    assert len(names) == len(set(names))
