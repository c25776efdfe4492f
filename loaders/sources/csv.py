"""Anybody's CSV of bars, trades or quotes: columns are known by their names, the rest is found or asked."""

from loaders.recognising.layouts import LAYOUTS
from loaders.recognising.of_file import recognise_lines
from loaders.recognising.said import OPTIONS
from loaders.source import Source

SOURCE = Source(
    name="csv",
    dataset="any",
    layouts=LAYOUTS,
    description="Anybody's CSV: bars of any length, options, spot prices, trades or quotes.",
    options=OPTIONS,
    recognise=recognise_lines,
)
