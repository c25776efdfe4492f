"""The formats: one module each, whose `EXPORTER` is found by its file's name and imported when needed."""

from exporters.exporter import Exporter
from warehouse.discovery import Plugins

EXPORTERS: Plugins[Exporter] = Plugins("exporters.formats", "EXPORTER", Exporter, "format")
