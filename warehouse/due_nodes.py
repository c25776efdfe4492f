"""Which nodes a build needs where nothing has changed but loads; and the process in which dbt runs them.

A model that follows the ledger changes when a load with rows of a shape that it takes comes or goes. A model
that is computed at each build changes with what it reads, and so does a view. This goes down to the next
model that follows the ledger, which changes for loads of its own or not at all. Whatever makes others build
again (a corrected calendar, a row that is evaluated again) says so, and then all is built
(warehouse/last_build.py).
"""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from warehouse.processes import end_with

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# The parts of the ledger that dbt's views read; the plans beside them are empty between two builds.
_LEDGER = ("loads", "current_loads", "built_loads", "rejects")
# The model that has all rows of a shape.
_UNION = re.compile(r"int_(\w+)__delivered")
# In the parsed project of one run alone.
_DUE = "due"


def due_nodes(manifest: "Manifest", raw_tables: Iterable[str], held: Iterable[str]) -> list[str]:
    """Return the names of the models to build and the tests to run after loads of raw tables.

    Parameters
    ----------
    manifest : Manifest
        Of the project that built the database.
    raw_tables : iterable of str
        Names of the raw tables whose loads have changed, without their schema.
    held : iterable of str
        Names of all raw tables that have loads: a model that only refers to changed loads is left out if it
        has none of its own.
    """
    graph = _Graph(manifest)
    raw_tables = set(raw_tables)
    following = graph.concerned(graph.shapes_of(raw_tables), graph.shapes_of(set(held)))
    roots = [
        key
        for key, source in manifest.sources.items()
        if (source.schema == "raw" and source.identifier in raw_tables)
        or (source.schema == "audit" and source.identifier in _LEDGER)
    ]
    touched = graph.reached(following, roots)
    return sorted(graph.names_to_build(touched) + graph.names_to_test(touched))


class _Graph:
    def __init__(self, manifest: "Manifest") -> None:
        manifest.build_parent_and_child_maps()
        self._nodes: dict[str, Any] = dict(manifest.nodes)
        self._children: dict[str, list[str]] = manifest.child_map
        self._parents: dict[str, list[str]] = manifest.parent_map
        self._following = {
            key: node.config.meta
            for key, node in self._nodes.items()
            if node.resource_type == "model" and node.config.meta.get("built_from")
        }
        self._bars: dict[str, frozenset[str]] = {}
        self._raw_tables = {
            key: source.identifier for key, source in manifest.sources.items() if source.schema == "raw"
        }

    def names_to_build(self, touched: set[str]) -> list[str]:
        """Return the models that store rows; a view needs no run of dbt to show other rows."""
        return [self._nodes[key].name for key in touched if key in self._nodes and not self._is_view(key)]

    def names_to_test(self, touched: set[str]) -> list[str]:
        return [
            node.name
            for node in self._nodes.values()
            if node.resource_type == "test" and touched.intersection(node.depends_on.nodes)
        ]

    def _is_view(self, key: str) -> bool:
        return bool(self._nodes[key].config.materialized == "view")

    def shapes_of(self, raw_tables: set[str]) -> set[str]:
        """Return the shapes whose unions read these raw tables, through their staging views."""
        unions = {key: _UNION.fullmatch(node.name) for key, node in self._nodes.items()}
        return {union[1] for key, union in unions.items() if union and self._read_by(key) & raw_tables}

    def _read_by(self, key: str) -> set[str]:
        if key in self._raw_tables:
            return {self._raw_tables[key]}
        if key not in self._nodes or not self._is_view(key):
            return set()
        return set().union(*(self._read_by(parent) for parent in self._parents.get(key, [])))

    def concerned(self, shapes: set[str], held: set[str]) -> set[str]:
        """Return the models that follow the ledger and take in rows of these shapes."""
        found: set[str] = set()
        while True:
            names = {self._nodes[key].name for key in found}
            more = {key for key, meta in self._following.items() if _takes(meta, shapes, held, names)}
            if more == found:
                return found
            found = more

    def reached(self, following: set[str], roots: Sequence[str]) -> set[str]:
        """Return what changes with these models and sources, including themselves."""
        found = {*following, *roots}
        ahead = list(found)
        while ahead:
            for child in self._children.get(ahead.pop(), []):
                node = self._nodes.get(child)
                if (
                    node is not None
                    and node.resource_type == "model"
                    and child not in found
                    and child not in self._following
                ):
                    found.add(child)
                    ahead.append(child)
        # a mart of bars changes with its bars, whatever else it joins to them
        return {
            key
            for key in found
            if key not in self._nodes
            or not self._is_view(key)
            or not self._bars_of(key)
            or self._bars_of(key) & following
        }

    def _bars_of(self, key: str) -> frozenset[str]:
        """Return the tables of bars that a view reads, through other views."""
        if key not in self._bars:
            bars: set[str] = set()
            for parent in self._parents.get(key, []):
                node = self._nodes.get(parent)
                if node is None or node.resource_type != "model":
                    continue
                if node.config.materialized in ("hypertable", "rollup"):
                    bars.add(parent)
                elif self._is_view(parent):
                    bars |= self._bars_of(parent)
            self._bars[key] = frozenset(bars)
        return self._bars[key]


def _takes(meta: dict[str, Any], shapes: set[str], held: set[str], models: set[str]) -> bool:
    if isinstance(meta["built_from"], list):
        return bool(models.intersection(meta["built_from"]))
    if "shapes" not in meta:  # it follows every load
        return True
    own, referred = set(meta["shapes"]), set(meta.get("refers_to", []))
    return bool(own & shapes or (own & held and referred & shapes))


def run(parent: int, wanted: dict[str, list[str]] | None, arguments: list[str], parsing: list[str]) -> None:
    """Run dbt in this process and end it with dbt's status.

    Parameters
    ----------
    parent : int
        Process that started this one; this one ends with it.
    wanted : dict or None
        Parameters of `due_nodes`; None: all that the arguments say.
    arguments : list of str
        As on dbt's command line.
    parsing : list of str
        The same for `dbt parse`, from which the nodes are taken first.
    """
    end_with(parent)
    from dbt.cli.main import cli, dbtRunner

    if wanted is None:
        sys.argv = ["dbt", *arguments]
        cli()
        return
    parsed = dbtRunner().invoke(parsing)
    if not parsed.success:
        sys.exit(1)
    manifest = cast("Manifest", parsed.result)
    due = set(due_nodes(manifest, **wanted))
    for node in manifest.nodes.values():
        # dbt compares each name that it is given with each node, which takes seconds; a tag is compared once
        if node.name in due:
            node.tags.append(_DUE)
    # tests are chosen one by one: those of views run without their views
    selected = ["--select", f"tag:{_DUE}", "--indirect-selection", "empty"]
    sys.exit(0 if dbtRunner(manifest=manifest).invoke([*arguments, *selected]).success else 1)
