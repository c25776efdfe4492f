"""How Kite (Zerodha) lays out a day's list of instruments, and how people keep excerpts of it."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source

# https://kite.trade/docs/connect/v3/market-quotes/#instruments
_NAMES = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
_TABLE = RawTable("kite_instruments", _NAMES)

_LAYOUTS = (
    Layout(
        "kite",
        _TABLE,
        tuple(Column(name, (name,)) for name in _NAMES),
        example="17437186,68114,NIFTY24APR22500CE,NIFTY,0,2024-04-25,22500,0.05,50,CE,NFO-OPT,NFO",
    ),
    Layout(
        "kite-excerpt",
        _TABLE,
        (
            Column("tradingsymbol", ("symbol", "tradingsymbol")),
            Column("instrument_token", ("token", "instrument_token")),
            Column("strike", ("strike",)),
            Column("expiry", ("expiry",)),
            Column("instrument_type", ("option_type", "instrument_type")),
            Column("lot_size", ("lot_size",)),
        ),
        example="NIFTY25O1422850CE,10888962,22850.0,2025-10-14,CE,75",
    ),
)

SOURCE = Source(
    name="kite-instruments",
    dataset="instruments",
    layouts=_LAYOUTS,
    description="A day's list of instruments as Kite (Zerodha) gives it out.",
    undated=True,
    exchange="NSE",
)
