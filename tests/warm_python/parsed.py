"""dbt's parsed project, kept in memory for every run of it, whatever database that is for.

dbt keeps what it has parsed in a file, and takes it from there while nothing has changed, the database's name
included. Tests use hundreds of databases, so here the parsed project is given the name of the run's. The same
with the day: models read it when they are run, and dbt would parse all of them anew for another one. dbt
itself finds out, file by file, whether it is still right in all other respects.
"""

import os
import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from dbt.adapters.factory import get_adapter_by_type, reset_adapters
from dbt.artifacts.resources.types import NodeType
from dbt.cli.main import dbtRunner
from dbt.constants import DEFAULT_ENV_PLACEHOLDER
from dbt.contracts.graph.manifest import Manifest
from dbt.events.logging import cleanup_event_logger
from dbt.parser.manifest import ManifestLoader, extended_mashumuro_decoder
from dbt_common.clients.jinja import template_cache
from dbt_common.invocation import reset_invocation_id

from warehouse.dbt import told_to_dbt
from warehouse.settings import settings

_NAME = "parsed_for_any_database"
_FILE = "partial_parse.msgpack"
_DAY = "TICKMART_TODAY"


def keep_parsed_project(project: Path, folder: Path) -> None:
    """Parse a project, and let every run of dbt in this process and its children begin with that.

    Twice: as `tickmart` runs dbt, which tells it some settings by variables, and as plain dbt is run.
    """
    told = told_to_dbt()
    settings.cache_clear()  # of this process; those that it forks have settings of their own
    kept = [_parsed(project, folder, "told", told), _parsed(project, folder, "plain", {})]
    for macro in kept[0].manifest.macros.values():
        template_cache.get_node_template(macro)
    read = ManifestLoader.read_manifest_for_partial_parse

    def read_kept(self: ManifestLoader) -> Manifest | None:
        for parsed in kept:
            if parsed.connection == _connection(self.root_project) and parsed.was_told_as_this_process():
                manifest = parsed.taken()
                _rename(manifest, self.root_project)
                manifest.env_vars[_DAY] = os.environ.get(_DAY, DEFAULT_ENV_PLACEHOLDER)
                manifest.state_check.profile_hash = self.manifest.state_check.profile_hash
                if self.root_project.project_name == "tickmart" and self.is_partial_parsable(manifest)[0]:
                    return manifest
        return read(self)

    ManifestLoader.read_manifest_for_partial_parse = read_kept
    reset_adapters()
    cleanup_event_logger()
    reset_invocation_id()


@dataclass
class _Parsed:
    packed: bytes
    manifest: Manifest
    connection: dict[str, Any]
    is_taken: bool = False

    def was_told_as_this_process(self) -> bool:
        return all(
            os.environ.get(name, DEFAULT_ENV_PLACEHOLDER) == value
            for name, value in self.manifest.env_vars.items()
            if name != _DAY
        )

    def taken(self) -> Manifest:
        """The manifest: as it was unpacked, or unpacked anew for whoever comes again in one process."""
        if self.is_taken:
            return _unpacked(self.packed)
        self.is_taken = True
        return self.manifest


def _unpacked(packed: bytes) -> Manifest:
    return Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)


def _parsed(project: Path, folder: Path, name: str, told: dict[str, str]) -> _Parsed:
    shutil.copy(project / "profiles.yml.example", folder / "profiles.yml")
    target = project / "target/tests-warm" / name
    if not (target / _FILE).exists() and (target.parent / "told" / _FILE).exists():
        target.mkdir()
        shutil.copy(target.parent / "told" / _FILE, target)  # nearly the same
    before = dict(os.environ)
    os.environ.update(
        told,
        DBT_PROFILES_DIR=str(folder),
        DBT_TARGET_PATH=str(target),
        DBT_LOG_PATH=str(target / "logs"),
        DBT_WRITE_JSON="false",
        TICKMART_DB_HOST="localhost",
        TICKMART_DB_PORT="5432",
        TICKMART_DB_USER="nobody",
        TICKMART_DB_PASSWORD="none",
        TICKMART_DB_NAME=_NAME,
    )
    try:
        parse = ["parse", "--quiet", "--log-level-file", "none", "--project-dir", str(project)]
        _parse_elsewhere(parse)
        run = dbtRunner().invoke(parse)
        if not run.success:
            raise RuntimeError(f"dbt cannot parse the project: {run.exception}")
        connection = _connection(get_adapter_by_type("postgres").config)
    finally:
        os.environ.clear()
        os.environ.update(before)
    packed = (target / _FILE).read_bytes()
    return _Parsed(packed, _unpacked(packed), connection)


def _parse_elsewhere(parse: list[str]) -> None:
    """Let a child write what dbt keeps, so that in this process nothing is left to be parsed.

    The code that reads models for dbt has threads of its own from the first model on. A process that is
    forked after that has none of them and waits for them for ever.
    """
    child = os.fork()
    if child == 0:
        try:
            dbtRunner().invoke(parse)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _connection(config: Any) -> dict[str, Any]:
    """What models can see of a connection, but for the server and the database."""
    seen = dict(config.credentials.connection_info())
    return {name: seen[name] for name in seen.keys() - {"host", "port", "user", "database"}}


def _rename(manifest: Manifest, config: Any) -> None:
    name = config.credentials.database
    for node in chain(manifest.nodes.values(), manifest.sources.values(), manifest.functions.values()):
        node.database = name
        if node.relation_name:
            node.relation_name = node.relation_name.replace(f'"{_NAME}"', f'"{name}"')
        if node.resource_type == NodeType.Seed:
            node.root_path = str(config.project_root)
