"""Anybody's Parquet of bars, trades or quotes, read as a CSV with the same columns is."""

from loaders.recognising.layouts import LAYOUTS
from loaders.recognising.of_file import recognise_parquet
from loaders.recognising.said import OPTIONS
from loaders.source import Source

SOURCE = Source(
    name="parquet",
    dataset="any",
    layouts=LAYOUTS,
    description="Anybody's Parquet: bars of any length, options, spot prices, trades or quotes.",
    suffixes=(".parquet", ".zip"),
    options=OPTIONS,
    recognise=recognise_parquet,
)
