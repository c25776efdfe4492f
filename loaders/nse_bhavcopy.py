"""How NSE lays out its F&O bhavcopy."""

import re

from loaders.layouts import Column, Layout

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


RAW_COLUMNS = (*(_snake(name) for name in _UDIFF_NAMES), *_RESERVED)

LAYOUTS = (
    Layout(
        "udiff",
        tuple(Column(_snake(name), (name,)) for name in _UDIFF_NAMES),
        tail=_RESERVED,
        example="2025-08-01,2025-08-01,FO,NSE,IDO,39831,,NIFTY,,2025-08-07,2025-08-07,24500.00,CE,NIFTY2580724500CE,"
        "301.00,345.00,176.00,190.80,181.40,364.20,24565.35,190.80,1817700,1230000,334341,620519042940.00,"
        "207283,F1,75,,,,,",
    ),
)
