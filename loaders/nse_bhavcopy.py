"""How NSE lays out its F&O bhavcopy."""

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


# The layout until 5 July 2024. Files named `_revised` have it without the comma behind the last name.
_LEGACY_NAMES = (
    "INSTRUMENT",
    "SYMBOL",
    "EXPIRY_DT",
    "STRIKE_PR",
    "OPTION_TYP",
    "OPEN",
    "HIGH",
    "LOW",
    "CLOSE",
    "SETTLE_PR",
    "CONTRACTS",
    "VAL_INLAKH",
    "OPEN_INT",
    "CHG_IN_OI",
    "TIMESTAMP",
)


def udiff_table(name: str) -> RawTable:
    """Return a raw table for files in the UDiFF layout, which all segments of the exchange share."""
    return RawTable(name, (*(_snake(name) for name in _UDIFF_NAMES), *_RESERVED))


def udiff_layout(table: RawTable, example: str) -> Layout:
    """Return the UDiFF layout that lands in a table."""
    columns = tuple(Column(_snake(name), (name,)) for name in _UDIFF_NAMES)
    return Layout("udiff", table, columns, tail=_RESERVED, example=example, date="trad_dt")


LAYOUTS = (
    udiff_layout(
        udiff_table("nse_fo_bhavcopy_udiff"),
        example="2025-08-01,2025-08-01,FO,NSE,IDO,39831,,NIFTY,,2025-08-07,2025-08-07,24500.00,CE,NIFTY2580724500CE,"
        "301.00,345.00,176.00,190.80,181.40,364.20,24565.35,190.80,1817700,1230000,334341,620519042940.00,"
        "207283,F1,75,,,,,",
    ),
    Layout(
        "legacy",
        RawTable("nse_fo_bhavcopy_legacy", tuple(name.lower() for name in _LEGACY_NAMES)),
        tuple(Column(name.lower(), (name,)) for name in _LEGACY_NAMES),
        example="OPTIDX,NIFTY,25-Jan-2023,15000,CE,3076.85,3076.85,2845.65,2890.75,17891.95,2938,26337.71,200450,"
        "-76450,25-JAN-2023,",
        date="timestamp",
    ),
)
