"""How NSE lays out the files of all its segments since July 2024 (UDiFF)."""

import re

from loaders.layouts import Column, Layout, RawTable

# The names of the exchange's unified distilled file format (UDiFF), mandatory from 8 July 2024. Only these 30
# identify it: the four reserved columns behind them were Rsvd01…Rsvd04 until 20 June 2024, Rsvd1…Rsvd4 since.
_UDIFF_NAMES = (
    "TradDt",
    "BizDt",
    "Sgmt",
    "Src",
    "FinInstrmTp",
    "FinInstrmId",
    "ISIN",
    "TckrSymb",
    "SctySrs",
    "XpryDt",
    "FininstrmActlXpryDt",
    "StrkPric",
    "OptnTp",
    "FinInstrmNm",
    "OpnPric",
    "HghPric",
    "LwPric",
    "ClsPric",
    "LastPric",
    "PrvsClsgPric",
    "UndrlygPric",
    "SttlmPric",
    "OpnIntrst",
    "ChngInOpnIntrst",
    "TtlTradgVol",
    "TtlTrfVal",
    "TtlNbOfTxsExctd",
    "SsnId",
    "NewBrdLotQty",
    "Rmks",
)
_RESERVED = ("rsvd1", "rsvd2", "rsvd3", "rsvd4")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def udiff_table(name: str) -> RawTable:
    """Return a raw table for files in the UDiFF layout, which all segments of the exchange share."""
    return RawTable(name, (*(_snake(name) for name in _UDIFF_NAMES), *_RESERVED))


def udiff_layout(table: RawTable, segment: str, example: str) -> Layout:
    """Return the UDiFF layout of a segment, as its rows call it, that lands in a table."""
    columns = tuple(Column(_snake(name), (name,)) for name in _UDIFF_NAMES)
    return Layout(
        "udiff", table, columns, tail=_RESERVED, example=example, date="trad_dt", told_by=("sgmt", segment)
    )
