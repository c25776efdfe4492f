"""How NSE's option chain is laid out: the answer of its API, and captures of it in CSV."""

from typing import Any

import pyarrow as pa

from loaders.layouts import Column, Layout, RawTable
from loaders.source import SUFFIXES, Source
from warehouse.errors import TickmartError

_LEGS = ("CE", "PE")

_TIMESTAMP = Column("timestamp", ("timestamp",))
# The API's names differ from those of the captures in case alone, which does not matter. Its answers since
# December 2025 (v3) call the best quotes buyPrice1 and so on.
_VALUES = (
    Column("expiry_date", ("expiry_date",)),
    Column("option_type", ("option_type",)),
    Column("strike_price", ("strike_price",)),
    Column("open_interest", ("open_interest",)),
    Column("change_in_open_interest", ("change_in_open_interest",)),
    Column("p_change_in_open_interest", ("p_change_in_open_interest",)),
    Column("total_traded_volume", ("total_traded_volume",)),
    Column("implied_volatility", ("implied_volatility",)),
    Column("last_price", ("last_price",)),
    Column("change", ("change",)),
    Column("p_change", ("p_change",)),
    Column("total_buy_quantity", ("total_buy_quantity",)),
    Column("total_sell_quantity", ("total_sell_quantity",)),
    Column("bid_qty", ("bid_qty", "buyQuantity1")),
    Column("bid_price", ("bid_price", "buyPrice1")),
    Column("ask_qty", ("ask_qty", "sellQuantity1")),
    Column("ask_price", ("ask_price", "sellPrice1")),
    Column("underlying_value", ("underlying_value",)),
)
_TABLE = RawTable(
    "nse_option_chain", ("timestamp", "symbol", *(column.name for column in _VALUES), "identifier")
)

_LAYOUTS = (
    Layout(
        "captured",
        _TABLE,
        (_TIMESTAMP, Column("symbol", ("symbol",)), *_VALUES),
        example="2022-12-23 10:06:30.513851,BANKNIFTY,29-Dec-2022,PE,25500,3086,3086,0.0,21757,0.0,2.6,"
        "-663.1,-99.6094336788343,163425,4325,100,2.6,100,2.7,41663.45",
        date="timestamp",
    ),
    Layout(
        "api",
        _TABLE,
        (_TIMESTAMP, Column("symbol", ("underlying",)), *_VALUES, Column("identifier", ("identifier",))),
        example='{"records": {"timestamp": "05-Aug-2025 13:59:23", "data": [{"strikePrice": 24350,'
        ' "expiryDate": "21-Aug-2025", "PE": {"underlying": "NIFTY", "lastPrice": 117.65, …}}, …]}, …}',
        date="timestamp",
    ),
)


def rows_of_answer(document: Any, file: str) -> pa.Table:
    """Return the legs of an option-chain answer, one row each, in the order of the answer.

    `filtered` is left out: it repeats rows of `records`.

    Parameters
    ----------
    document : object
        The answer of /api/option-chain-indices, -equities or -v3, numbers as text.
    file : str
        The file's name, for messages.

    Returns
    -------
    pyarrow.Table
        Text columns: the names of the legs, with `timestamp` and `optionType`.

    Raises
    ------
    TickmartError
        It is another document, or an answer without a chain, such as `{}` where the site refuses to answer.
    """
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, dict) or not isinstance(records.get("data"), list):
        raise _no_chain(file, "it has no records.data")
    if not isinstance(records.get("timestamp"), str):
        raise _no_chain(file, "it has no records.timestamp")
    if not all(isinstance(strike, dict) for strike in records["data"]):
        raise _no_chain(file, "a strike of records.data is no object")
    rows = [
        {"timestamp": records["timestamp"], "optionType": leg, **_leg(strike, leg, file)}
        for strike in records["data"]
        for leg in _LEGS
        if strike.get(leg) is not None
    ]
    if not rows:
        raise _no_chain(file, "no strike of records.data has a leg CE or PE")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.large_string()) for name in names})


def _leg(strike: dict[str, Any], option_type: str, file: str) -> dict[str, str | None]:
    leg = strike[option_type]
    if not isinstance(leg, dict):
        raise _no_chain(file, f"a leg {option_type} is no object")
    # what the strike says of both legs, for a leg that does not say it itself
    said = {
        "strikePrice": strike.get("strikePrice"),
        "expiryDate": strike.get("expiryDate") or strike.get("expiryDates"),
        **leg,
    }
    # a leg's place in the answer says whether it is a call or a put; v3 repeats that, or leaves it null
    said.pop("optionType", None)
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            raise _no_chain(file, f"{name} of a leg {option_type} is neither number nor text")
    return said


def _no_chain(file: str, why: str) -> TickmartError:
    return TickmartError(
        f"{file} is no option chain: {why}; the site answered something else, fetch it again"
    )


SOURCE = Source(
    name="nse-option-chain",
    dataset="chain_snapshots",
    layouts=_LAYOUTS,
    description="Snapshots of the exchange's option chain: its API's JSON answers, captures in CSV.",
    suffixes=(*SUFFIXES, ".json"),
    rows_of_json=rows_of_answer,
)
