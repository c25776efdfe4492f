"""The sources: one module each, whose `SOURCE` is found by the name of its file."""

from loaders.source import Source
from warehouse.discovery import Plugins

SOURCES: Plugins[Source] = Plugins("loaders.sources", "SOURCE", Source, "source")
