"""Plug-ins, found by the names of their files: a new one is a new file, and no list names it."""

import ast
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER, settings


class Plugins[Plugin](Mapping[str, Plugin]):
    """The plug-ins of one kind by name; the module of one is imported when that one is asked for.

    The name is that of the file, with hyphens for underscores, and the plug-in states the same name. Beside
    the project's own, those in the folder of the same name below `TICKMART_PLUGINS_FOLDER` are found.

    Parameters
    ----------
    package : str
        Where they lie, such as `loaders.sources`.
    attribute : str
        What each module calls its plug-in, such as `SOURCE`.
    kind : type
        What a plug-in is an instance of.
    noun : str
        What one is called in messages.
    """

    def __init__(self, package: str, attribute: str, kind: type[Any], noun: str) -> None:
        self._package = package
        self._attribute = attribute
        self._kind = kind
        self._noun = noun

    def __getitem__(self, name: str) -> Plugin:
        path = self._paths()[name]
        plugin = getattr(_module(self._package, path), self._attribute, None)
        if not isinstance(plugin, self._kind):
            raise TickmartError(f"{_shown(path)} has no {self._attribute} that is a {self._kind.__name__}")
        said = getattr(plugin, "name", None)
        if said != name:
            raise TickmartError(
                f"{_shown(path)} calls its {self._noun} {said!r}; a {self._noun} has the name of its file,"
                f" {name!r}"
            )
        return cast(Plugin, plugin)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())

    def __contains__(self, name: object) -> bool:
        return name in self._paths()

    def named(self, name: str) -> Plugin:
        """Return the plug-in of a name.

        Raises
        ------
        TickmartError
            For a name that none has, or a module that cannot be imported.
        """
        if name not in self:
            raise TickmartError(f"unknown {self._noun} {name!r}; known {self._noun}s: {', '.join(self)}")
        return self[name]

    def summary(self, name: str) -> str:
        """Return the first line of what a plug-in's module says of itself, without importing it."""
        text = ast.get_docstring(ast.parse(self._paths()[name].read_bytes())) or ""
        return text.partition("\n")[0]

    def _paths(self) -> dict[str, Path]:
        return _found(self._package, self._noun, settings().plugins_folder)


@cache
def _found(package: str, noun: str, plugins_folder: Path | None) -> dict[str, Path]:
    own = importlib.util.find_spec(package)
    assert own is not None
    folders = [Path(folder) for folder in own.submodule_search_locations or ()]
    if plugins_folder is not None:
        folders.append(plugins_folder / package.rpartition(".")[2])
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            if path.stem.startswith("_"):
                continue
            name = path.stem.replace("_", "-")
            if name in found:
                raise TickmartError(
                    f"two {noun}s are called {name!r}: {_shown(found[name])} and {_shown(path)}. Rename one"
                )
            found[name] = path
    return dict(sorted(found.items()))


_importing = threading.RLock()


def _module(package: str, path: Path) -> ModuleType:
    name = f"{package}.{path.stem}"
    try:
        if path.is_relative_to(PROJECT_FOLDER / package.replace(".", "/")):
            return importlib.import_module(name)
        with _importing:
            known = sys.modules.get(name)
            return known if known is not None and known.__file__ == str(path) else _executed(name, path)
    except Exception as error:
        # a module may fail in any way; which file it was is what its owner needs to know
        raise TickmartError(f"cannot import {_shown(path)}: {type(error).__name__}: {error}") from error


def _executed(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT_FOLDER) if path.is_relative_to(PROJECT_FOLDER) else path)
