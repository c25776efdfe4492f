"""The sources: one module each, whose `SOURCE` is found by the name of its file; and kept mappings."""

from pathlib import Path

from loaders.source import Source
from warehouse.discovery import Plugins
from warehouse.errors import TickmartError
from warehouse.settings import settings


class _Sources(Plugins[Source]):
    """Beside the modules, the mappings in `mappings` below `TICKMART_PLUGINS_FOLDER` are sources."""

    def __getitem__(self, name: str) -> Source:
        path = self._paths()[name]
        if path.suffix == ".py":
            return super().__getitem__(name)
        from loaders.recognising.kept import source_of_mapping  # it lists what the sources are made of

        return source_of_mapping(path)

    def summary(self, name: str) -> str:
        path = self._paths()[name]
        return super().summary(name) if path.suffix == ".py" else f"Files that {path.name} describes."

    def _paths(self) -> dict[str, Path]:
        found = dict(super()._paths())
        folder = settings().plugins_folder
        for path in sorted((folder / "mappings").glob("*.yml")) if folder else ():
            if path.stem in found:
                raise TickmartError(
                    f"two sources are called {path.stem!r}: {found[path.stem]} and {path}. Rename one"
                )
            found[path.stem] = path
        return dict(sorted(found.items()))


SOURCES: Plugins[Source] = _Sources("loaders.sources", "SOURCE", Source, "source")
